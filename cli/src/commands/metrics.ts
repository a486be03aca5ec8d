/** `metrics`: the fleet as Prometheus metrics. */

import type { Command } from "commander";
import {
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import type { Io } from "../io";
import { port } from "../options/port";

interface Options extends DeploymentOptions {
  host: string;
  port: number;
  perAgent?: boolean;
}

const DEFAULT_PORT = 9464;

export function addMetrics(program: Command, io: Io): void {
  deploymentCommand(program, "metrics", "serve the fleet as Prometheus metrics until interrupted")
    .option("--port <port>", "the port; 0 means any free one", port, DEFAULT_PORT)
    .option("--host <address>", "the address to listen on; 0.0.0.0 means all", "127.0.0.1")
    .option("--per-agent", "also serve series for each agent")
    .addHelpText(
      "after",
      "\nIt watches the fleet over a viewer's connection, and does not poll the table. It registers that viewer,\nreplaces it every twelve hours, and removes it when it ends.",
    )
    .action(
      withDeployment<Options>(io, async (deployment, { host, port, perAgent = false }) => {
        const { printer, organizationId } = deployment;
        const { exportMetrics } = await import("../metrics/exporter");
        const listening = (url: string) => {
          if (printer.json) printer.value({ url });
          else printer.lines(`Serving the metrics of ${organizationId} at ${url}`);
        };
        await exportMetrics(deployment, { host, port, perAgent }, listening, io);
      }),
    );
}
