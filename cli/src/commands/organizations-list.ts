/** `organizations list`: which organizations have registered agents. */

import type { Command } from "commander";
import { serviceCommand, withService } from "../deployment/deployment";
import type { Target } from "../deployment/target";
import type { Io } from "../io";

interface Organization {
  organizationId: string;
  registeredAgents: number;
}

export function addOrganizationsList(organizations: Command, io: Io): void {
  serviceCommand(organizations, "list", "list the organizations that have registered agents")
    .addHelpText(
      "after",
      "\nThis reads the whole registry, for which AWS credentials need dynamodb:Scan.",
    )
    .action(
      withService(io, async ({ target, printer }) => {
        const found = await organizationsIn(target, io.now());
        if (printer.json) return printer.value(found);
        if (found.length === 0) return printer.lines("No organization has registered agents.");
        printer.table(found, [
          { title: "organization", text: (row) => row.organizationId, cut: "middle" },
          { title: "registered agents", text: (row) => String(row.registeredAgents) },
        ]);
      }),
    );
}

/** @param now epoch milliseconds: registrations that have ended don't count */
async function organizationsIn(target: Target, now: number): Promise<Organization[]> {
  const { paginateScan } = await import("@aws-sdk/client-dynamodb");
  const pages = paginateScan(
    { client: target.dynamoDb },
    {
      TableName: target.registryTableName,
      ProjectionExpression: "organizationId",
      // Of all records, only an agent's has keys.
      FilterExpression:
        "attribute_exists(publicKeys) AND (attribute_not_exists(expiresAt) OR expiresAt > :now)",
      ExpressionAttributeValues: { ":now": { N: String(now) } },
    },
  );
  const counts = new Map<string, number>();
  for await (const { Items = [] } of pages) {
    for (const { organizationId } of Items) {
      const id = organizationId?.S ?? "";
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  return [...counts]
    .map(([organizationId, registeredAgents]) => ({ organizationId, registeredAgents }))
    .sort((a, b) => (a.organizationId < b.organizationId ? -1 : 1));
}
