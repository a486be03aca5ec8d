/** `npm run chaos`: injects faults into real agents, and fails if readers saw a wrong status. */

import { parseArgs } from "node:util";
import { BREAKS, type Break, type BreakName, FaultInjector } from "./breaks";
import { checkRun } from "./checker/check-run";
import { reportOf, tableOf } from "./report";
import { runChaos } from "./run";

const USAGE = `Injects faults into a fleet of real agents on the local runtime, and checks every status that readers saw.

  --seconds <number>  how long to inject faults (default 300)
  --agents <number>   agents, in processes of 50 (default 500)
  --seed <number>     seed of the faults (default: a new one for each run)
  --break <name>      inject a defect into the product, and fail unless it is detected: ${Object.keys(BREAKS).join(", ")}
  --json              print the report as JSON
  --help              print this`;

// Printed once for every client otherwise, on a machine with an older Node than the functions' own.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

/** @returns whether the run passed */
async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "300" },
      agents: { type: "string", default: "500" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      break: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return true;
  }
  const broken = values.break === undefined ? undefined : breakOf(values.break);
  const injector = broken && new FaultInjector(broken);
  const seed = whole("seed", values.seed, 0, 2 ** 31);
  const evidence = await runChaos({
    agents: whole("agents", values.agents, 3, 5000),
    seconds: whole("seconds", values.seconds, 10, 24 * 3600),
    seed,
    ...(injector && { injector }),
    report: (line) => console.error(line),
  });
  const report = reportOf(checkRun(evidence), evidence, seed);
  if (values.json) console.log(JSON.stringify(report, null, 2));
  else for (const line of tableOf(report)) console.log(line);
  if (!broken || !injector) return report.passed;
  const found = report[broken.seenIn].length > 0;
  console.log(
    `${broken.what}: ${injector.applied} requests were changed; the defect was ${found ? "detected" : "NOT DETECTED"}`,
  );
  return found;
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
