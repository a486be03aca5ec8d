/** `enrolments list`: which tokens there are, and how often they were used. */

import type { Command } from "commander";
import { enrolmentColumns } from "../agents/enrolment-view";
import { deploymentCommand, withDeployment } from "../deployment/deployment";
import type { Io } from "../io";

export function addEnrolmentsList(enrolments: Command, io: Io): void {
  deploymentCommand(enrolments, "list", "list the enrolments and their uses").action(
    withDeployment(io, async ({ enrolments, organizationId, printer }) => {
      const all = await enrolments.list(organizationId);
      if (printer.json) return printer.value(all);
      if (all.length === 0) {
        return printer.lines(`Organization ${organizationId} has no enrolments.`);
      }
      printer.table(all, enrolmentColumns(io.now(), printer));
    }),
  );
}
