/** `simulate`: a fleet of real agents against a deployment, to see what it bears. */

import { HEARTBEAT, ID_FORM, ID_PATTERN, LIMITS } from "@agent-heartbeat/sdk/protocol";
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import { CliError, EXIT, usageError } from "../failure";
import type { Io } from "../io";
import { durationOption } from "../options/duration-option";

interface Options extends DeploymentOptions {
  agents: number;
  ramp: number;
  duration: number;
  interval: number;
  chaos?: boolean;
  prefix: string;
  enrolmentToken?: string;
  heartbeatTransport: "websocket" | "http";
}

const MAX_AGENTS = 5000;
const DEFAULTS = { agents: 100, rampMs: 10_000, durationMs: 60_000, prefix: "sim" };

/** What follows a prefix: a dash, six digits for the run, a dash and five for the agent. */
const SUFFIX_LENGTH = 13;
const CLEAR_LINE = "\r\u001b[K";

/** Where no terminal is, a line a second would be too many. */
const LINES_APART_MS = 10_000;

export function addSimulate(program: Command, io: Io): void {
  const { agents, rampMs, durationMs, prefix } = DEFAULTS;
  deploymentCommand(program, "simulate", "run a fleet of agents and report the results")
    .description(
      "Run a fleet of real agents against the deployment and report the results. The agents are registered under a prefix and removed at the end, also after Ctrl-C.",
    )
    .option("--agents <count>", "number of agents, at most 5000", agentCount, agents)
    .addOption(
      durationOption("--ramp <duration>", "start all agents within this time").default(
        rampMs,
        "10s",
      ),
    )
    .addOption(
      durationOption("--duration <duration>", "duration of the run after the ramp").default(
        durationMs,
        "60s",
      ),
    )
    .option(
      "--interval <seconds>",
      "their heartbeat interval",
      intervalSeconds,
      HEARTBEAT.defaultIntervalSeconds,
    )
    .addOption(
      new Option("--heartbeat-transport <transport>", "how they send heartbeats")
        .choices(["websocket", "http"])
        .default("websocket"),
    )
    .option("--chaos", "break, silence or kill each agent about once a minute")
    .option("--prefix <prefix>", "prefix of their ids", prefix)
    .option(
      "--enrolment-token <token>",
      "let the agents register themselves with this token, or with the IAM role of your AWS credentials if the enrolment is for roles",
    )
    .addHelpText(
      "after",
      "\nOn AWS, this costs as much as a real fleet. The exit code is 1 if a status was wrong or an agent never connected.",
    )
    .action(
      withDeployment<Options>(io, async (deployment, options) => {
        const { printer } = deployment;
        if (!ID_PATTERN.test(`${options.prefix}${"-".repeat(SUFFIX_LENGTH)}`)) {
          throw usageError(
            `Prefix ${JSON.stringify(options.prefix)}: expected the beginning of an id, at most ${LIMITS.idLength - SUFFIX_LENGTH} characters: ${ID_FORM}.`,
          );
        }
        if (options.chaos && options.enrolmentToken) {
          throw usageError(
            "--chaos and --enrolment-token exclude each other: a killed agent loses its generated key.",
          );
        }
        if (options.chaos && options.heartbeatTransport === "http") {
          throw usageError(
            "--chaos and --heartbeat-transport http exclude each other: heartbeats over HTTP continue when a connection is silenced.",
          );
        }
        const { simulate } = await import("../simulation/simulation");
        const { callersRole } = await import("../simulation/callers-role");
        const { readEnrolmentToken } = await import("../../../core/enrolment-token");
        const { enrolmentToken } = options;
        const isByRole = readEnrolmentToken(enrolmentToken ?? "")?.hasSecret === false;
        const { printReport } = await import("../simulation/report");
        const report = await simulate(
          deployment,
          {
            agents: options.agents,
            rampMs: options.ramp,
            durationMs: options.duration,
            heartbeatInterval: options.interval,
            chaos: options.chaos ?? false,
            prefix: options.prefix,
            enrolmentToken,
            awsIdentity: isByRole ? await callersRole(options, io) : undefined,
            heartbeatTransport: options.heartbeatTransport,
            onProgress: progressTo(io),
          },
          io,
        );
        if (io.stderr.isTTY) io.stderr.write(CLEAR_LINE);
        printReport(report, printer);
        const [left] = report.notRemoved;
        if (left !== undefined) {
          throw new CliError(
            `${report.notRemoved.length} simulated agents could not be removed, ${left} among them.`,
            EXIT.failure,
            "Their registrations expire within an hour; `agents remove` removes them at once.",
          );
        }
        const wrong = report.falseOfflines + report.falseOnlines;
        if (wrong > 0)
          throw new CliError(`${wrong} readings of an agent's status were wrong.`, EXIT.failure);
        const never = report.agents - report.connectedOnce;
        if (never === 0 || io.signal.aborted) return;
        const { commonFailure } = report;
        throw new CliError(
          `${never} of ${report.agents} agents never connected.`,
          EXIT.failure,
          commonFailure
            ? `Most often: ${commonFailure}`
            : "`doctor` checks for causes; a longer --ramp lowers the load.",
        );
      }),
    );
}

function progressTo(io: Io): (line: string) => void {
  if (io.stderr.isTTY) {
    return (line) => {
      const { columns = Number.POSITIVE_INFINITY } = io.stderr;
      io.stderr.write(`${CLEAR_LINE}${line.slice(0, columns - 1)}`);
    };
  }
  let last = Number.NEGATIVE_INFINITY;
  return (line) => {
    if (io.now() - last < LINES_APART_MS) return;
    last = io.now();
    io.stderr.write(`${line}\n`);
  };
}

function agentCount(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MAX_AGENTS) return value;
  throw new InvalidArgumentError(`Expected a whole number, from 1 to ${MAX_AGENTS}.`);
}

function intervalSeconds(text: string): number {
  const value = Number(text);
  const { minIntervalSeconds, maxIntervalSeconds } = HEARTBEAT;
  if (value >= minIntervalSeconds && value <= maxIntervalSeconds) return value;
  throw new InvalidArgumentError(
    `Expected seconds, from ${minIntervalSeconds} to ${maxIntervalSeconds}.`,
  );
}
