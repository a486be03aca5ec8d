/** How a job's ping URL is shown. */

import type { RegisteredJob } from "@agent-heartbeat/sdk/registry";
import type { Deployment } from "../deployment/deployment";
import { CliError, EXIT } from "../failure";
import { printAgent } from "./agent-view";

/**
 * Shows jobs with their ping URLs, which nobody can see again.
 *
 * @throws CliError at once if the deployment has no HTTP endpoint
 */
export function jobPrinter(
  { target, printer }: Pick<Deployment, "target" | "printer">,
  now: number,
): (job: RegisteredJob) => void {
  const { HttpUrl } = target.outputs;
  if (!HttpUrl) {
    throw new CliError(
      "The deployment has no URL for requests over HTTP, which jobs need for their pings.",
      EXIT.target,
      "Deploy the construct with its prop http, or pass the URL with --http-url.",
    );
  }
  return ({ agent, pingSecret }) => {
    const pingUrl = `${HttpUrl.replace(/\/+$/, "")}/ping/${pingSecret}`;
    if (printer.json) {
      printer.value({ ...agent, pingUrl });
      return;
    }
    printAgent(agent, now, printer);
    printer.lines(
      "",
      "The job reports a run by requesting this URL, which is shown only now:",
      `  curl -fsS ${pingUrl}`,
      "Append /start when a run starts, and /fail or /<exit status> when it ends.",
    );
  };
}
