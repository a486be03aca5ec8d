/** How many heartbeats a second the local runtime acknowledges without a function, beside how many with one. */

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { synthesize } from "../../local/synthesize";
import { type MeasureOptions, type Spread, spreadOf } from "../section";
import { Child } from "../throughput/child";
import { fileOf, OUTSTANDING, run, type Summary, summaryOf } from "../throughput/measure";

const ROOT = join(import.meta.dirname, "../..");

/** The end-to-end suite's app, which has a stack in each mode. */
const APP = "node --conditions=agent-heartbeat-source --import tsx test/e2e/support/app.ts";

export interface DirectFigures {
  connections: number;
  heartbeats: number;
  outstanding: number;
  lambda: Summary;
  direct: Summary;
  /** Heartbeats a second, direct to lambda, of runs one after the other. */
  ratio: Spread;
}

export async function measureDirect({ quick, progress }: MeasureOptions): Promise<DirectFigures> {
  const directory = mkdtempSync(join(ROOT, ".local-bench-"));
  try {
    const outputDirectory = join(directory, "cdk.out");
    const assembly = await synthesize({ directory: ROOT, app: APP, outputDirectory });
    const connections = quick ? 50 : 200;
    const order = { connections, heartbeats: quick ? 500 : 3000, outstanding: OUTSTANDING };
    const measured = async (stackName: string) =>
      run(new Child(fileOf("local-server"), [assembly, String(connections), stackName]), order);
    const rounds = [];
    for (let round = 1; round <= (quick ? 1 : 3); round++) {
      progress(`round ${round}`);
      const lambda = await measured("AgentHeartbeat");
      rounds.push({ lambda, direct: await measured("AgentHeartbeatDirect") });
    }
    return {
      ...order,
      lambda: summaryOf(rounds.map(({ lambda }) => lambda)),
      direct: summaryOf(rounds.map(({ direct }) => direct)),
      ratio: spreadOf(rounds.map(({ lambda, direct }) => direct.perSecond / lambda.perSecond)),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
