/** How a job's ping URL is shown. */

import type { RegisteredJob } from "@agent-heartbeat/sdk/registry";
import { printAgent } from "./agent-view";
import type { Deployment } from "./deployment";
import { CliError, EXIT } from "./failure";

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
      "The deployment has no URL of requests over HTTP, where jobs tell that they have run.",
      EXIT.target,
      "Deploy the construct with its prop http, or name the URL with --http-url.",
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
      "It tells that it has run by a request of this URL, which is shown only now:",
      `  curl -fsS ${pingUrl}`,
      "/start at its end tells that a run has begun, /fail or /<exit status> how it has ended.",
    );
  };
}
