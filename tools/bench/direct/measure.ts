/** How many heartbeats a second the local runtime acknowledges without a function, beside how many with one. */

import { withAssembly } from "../assembly";
import { Child } from "../child";
import { type MeasureOptions, type Spread, spreadOf } from "../section";
import { fileOf, OUTSTANDING, run, type Summary, summaryOf } from "../throughput/measure";

/** The end-to-end suite's app, which has a stack in each mode. */
const APP = "node --conditions=agent-heartbeat-source --import tsx testing/e2e/app.ts";

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
  const connections = quick ? 50 : 200;
  return withAssembly(APP, async (assembly) => {
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
  });
}
