/** `dashboard`: opens the web page, signed in as a viewer for a time. */

import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type Deployment,
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import {
  registerTemporarily,
  type TemporaryAgent,
  VIEWER_KEY_KINDS,
  type ViewerKeyKind,
} from "../deployment/temporary-agent";
import { CliError, EXIT } from "../failure";
import type { Io } from "../io";
import { moment } from "../terminal/durations";
import { openInBrowser } from "../terminal/open-browser";

interface Options extends DeploymentOptions {
  hours: number;
  algorithm: ViewerKeyKind;
  open: boolean;
}

const DEFAULT_HOURS = 12;
const HOUR_MS = 3_600_000;

export function addDashboard(program: Command, io: Io): void {
  deploymentCommand(program, "dashboard", "open the dashboard, signed in as a viewer")
    .option("--hours <hours>", "hours until the sign-in ends", hours, DEFAULT_HOURS)
    .addOption(
      new Option("--algorithm <kind>", "kind of key; browsers older than 2025 support only p256")
        .choices(VIEWER_KEY_KINDS)
        .default("p256" satisfies ViewerKeyKind),
    )
    .option("--no-open", "print the address instead; anyone with the address is signed in")
    .action(
      withDeployment<Options>(io, async (deployment, options) => {
        const { target, printer, organizationId } = deployment;
        const page = pageOf(deployment);
        const bySelf = options.open && !printer.json && signsInByItself(deployment, options);
        if (bySelf) {
          const url = new URL(page);
          url.searchParams.set("organization", organizationId);
          await openInBrowser(url.href, io);
          return printer.lines(`The dashboard of ${target.name} is open: ${url}`);
        }
        const viewer = await registerTemporarily(deployment, {
          role: "viewer",
          kind: options.algorithm,
          lifetimeMs: options.hours * HOUR_MS,
          description: "dashboard, opened from the command line",
        });
        const url = signedIn(page, deployment, viewer);
        const { agentId, expiresAt } = viewer;
        if (printer.json) return printer.value({ url, agentId, expiresAt });
        if (!options.open) return printer.lines(url);
        await openInBrowser(url, io);
        printer.lines(
          `The dashboard of ${target.name} is open, signed in as ${agentId} until ${moment(expiresAt)}.`,
        );
      }),
    );
}

/** The runtime on this machine signs its page in, as a viewer of the kind that is made here by default. */
function signsInByItself({ target }: Deployment, { hours, algorithm }: Options): boolean {
  const plain = target.dashboardUrl !== undefined && !target.dashboardUrl.includes("#");
  return target.isLocal && plain && hours === DEFAULT_HOURS && algorithm === "p256";
}

/** Without a fragment: the local service's address has one, for its default organization. */
function pageOf({ target }: Deployment): string {
  if (target.dashboardUrl) return target.dashboardUrl.replace(/#.*/s, "");
  throw new CliError(
    `${capitalized(target.name)} has no dashboard.`,
    EXIT.target,
    "Deploy a version that has one, or restart the local service: `agent-heartbeat local`.",
  );
}

function signedIn(
  page: string,
  { target, organizationId }: Deployment,
  { agentId, privateKey, expiresAt }: TemporaryAgent,
): string {
  const fields = new URLSearchParams({
    url: target.webSocketUrl,
    organization: organizationId,
    agent: agentId,
    key: privateKey.toString("base64url"),
    expires: String(Math.floor(expiresAt)),
  });
  return `${page}#${fields}`;
}

function hours(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0.1 && value <= 168) return value;
  throw new InvalidArgumentError("Expected hours, from 0.1 to 168.");
}

function capitalized(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
