/** `npm run chaos`: runs real agents under faults, overload or attack, and fails if a promise was broken. */

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { BREAKS, type Break, type BreakName, FaultInjector } from "./breaks";
import { checkRun } from "./checker/check-run";
import { groupReportOf, groupTable } from "./groups/report";
import { runGroup } from "./groups/run";
import { hostileReportOf, hostileTable } from "./hostile/report";
import { runHostile } from "./hostile/run";
import { overloadTable, runOverload } from "./overload";
import { columnsOf, reportOf, tableOf, verdictOf } from "./report";
import { runChaos } from "./run";

const USAGE = `npm run chaos -- [faults | overload | hostile | groups] [options]

faults    inject faults into a fleet of real agents, and check every status that readers saw (default)
overload  send heartbeats at twice the capacity of this machine, and check what is acknowledged
hostile   let a client of another organization do its worst, and check the fleet beside it
groups    send messages to a group while its members are killed, stopped and drained, and check who handled them

  --seconds <number>  how long faults, overload or the hostile client last (default 300; overload 60)
  --agents <number>   agents, in processes of 50 (default: as many as this machine carries, at most 500);
                      if there are more, they send heartbeats more rarely
  --http <percent>    how many of the agents send their heartbeats over HTTP, for faults and hostile (default: 33)
  --messages <number> messages to the group (default: 10000)
  --members <number>  members of the group, in processes of 5 (default: 50)
  --seed <number>     draws the same faults again (default: another one each time)
  --python <path>     a Python with the dependencies of python/, for the agents of every second process (default: none)
  --break <name>      break the product first, and fail unless that is found: ${Object.keys(BREAKS).join(", ")}
  --json              print the report as JSON
  --help              print this`;

// Printed once for every client otherwise, on a machine with an older Node than the functions' own.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

interface Options {
  seconds: number | undefined;
  messages: number;
  members: number;
  agents: number | undefined;
  seed: number;
  broken: Break | undefined;
  python: string | undefined;
  httpShare: number;
  json: boolean;
}

const progress = (line: string) => console.error(line);

/** Each prints its report. @returns whether the run passed */
const SCENARIOS: Record<string, (options: Options) => Promise<boolean>> = {
  async faults({ seconds = 300, agents, seed, broken, python, httpShare, json }) {
    const injector = broken && new FaultInjector(broken);
    const evidence = await runChaos({
      agents,
      seconds,
      seed,
      httpShare,
      ...(injector && { injector }),
      ...(python && { python }),
      report: progress,
    });
    const report = reportOf(checkRun(evidence), evidence, seed);
    print(report, tableOf(report), json);
    if (!broken || !injector) return report.passed;
    const found = report[broken.seenIn].length > 0;
    console.log(
      `${broken.what}: ${injector.applied} requests were changed; the defect was ${found ? "detected" : "NOT DETECTED"}`,
    );
    return found;
  },
  async overload({ seconds = 60, seed, json }) {
    const report = await runOverload({ seconds, seed, report: progress });
    print(report, [...columnsOf(overloadTable(report)), verdictOf(report)], json);
    return report.passed;
  },
  async hostile({ seconds = 300, agents, seed, httpShare, json }) {
    const report = hostileReportOf(
      await runHostile({ seconds, agents, seed, httpShare, report: progress }),
      seed,
    );
    const lines = [...tableOf(report.faults).slice(0, -1), ...columnsOf(hostileTable(report))];
    print(report, [...lines, verdictOf(report)], json);
    return report.passed;
  },
  async groups({ messages, members, seed, python, json }) {
    const evidence = await runGroup({
      messages,
      members,
      seed,
      ...(python && { python }),
      report: progress,
    });
    const report = groupReportOf(evidence, seed);
    print(report, groupTable(report), json);
    return report.passed;
  },
};

function print(report: object, lines: readonly string[], json: boolean): void {
  if (json) console.log(JSON.stringify(report, null, 2));
  else for (const line of lines) console.log(line);
}

/** @returns whether the run passed */
async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: "string" },
      agents: { type: "string" },
      messages: { type: "string", default: "10000" },
      members: { type: "string", default: "50" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      break: { type: "string" },
      python: { type: "string" },
      http: { type: "string", default: "33" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return true;
  }
  const [name = "faults", ...more] = positionals;
  const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
  if (!scenario || more.length > 0) {
    throw new Error(
      `expected one of ${Object.keys(SCENARIOS).join(", ")}, got ${positionals.join(" ")}`,
    );
  }
  const optional = (option: "seconds" | "agents", min: number, max: number) => {
    const text = values[option];
    return text === undefined ? undefined : whole(option, text, min, max);
  };
  return scenario({
    seconds: optional("seconds", 10, 24 * 3600),
    agents: optional("agents", 3, 5000),
    messages: whole("messages", values.messages, 100, 1_000_000),
    members: whole("members", values.members, 4, 500),
    seed: whole("seed", values.seed, 0, 2 ** 31),
    broken: values.break === undefined ? undefined : breakOf(values.break),
    python: values.python && resolve(values.python),
    httpShare: whole("http", values.http, 0, 100) / 100,
    json: values.json,
  });
}

function breakOf(name: string): Break {
  if (Object.hasOwn(BREAKS, name)) return BREAKS[name as BreakName];
  throw new Error(`--break: expected ${Object.keys(BREAKS).join(", ")}, got "${name}"`);
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${name}: expected a whole number from ${min} to ${max}, got "${text}"`);
}

main().then(
  (passed) => process.exit(passed ? 0 : 1),
  (error: Error) => {
    console.error(error.message);
    process.exit(1);
  },
);
