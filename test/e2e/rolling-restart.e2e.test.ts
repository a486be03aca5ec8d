/** The guide's rolling restart: processes that take over from each other under a stream of requests. */

import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { HeartbeatAgent, publicKeyOf } from "@agent-heartbeat/sdk";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type AgentProcess, startAgent } from "../../testing/e2e/agent-process";
import { openTarget, type Target } from "../../testing/e2e/target";
import { newEd25519Key } from "../../testing/keys";

const RESTARTS = 3;
/** All streams together stay below what an agent may publish in a second. */
const PAUSE_MS = 150;
const STREAMS = 8;

describe("a rolling restart", () => {
  const privateKey = newEd25519Key();
  let target: Target;
  let organizationId: string;
  let asker: HeartbeatAgent;
  let processes: AgentProcess[];

  beforeEach(async () => {
    target = openTarget();
    organizationId = `e2e-${randomUUID()}`;
    processes = [];
    const publicKey = (await publicKeyOf(privateKey)).jwk as never;
    for (const agentId of ["asker", "worker"]) {
      await target.registry.register({ organizationId, agentId, publicKey });
    }
    asker = new HeartbeatAgent({ ...settings("asker"), logger: null });
    await asker.start();
  });
  afterEach(async () => {
    await asker.stop();
    await Promise.all(processes.map((each) => each.end()));
    target.close();
  });

  const settings = (agentId: string) => ({ agentId, organizationId, privateKey, url: target.url });
  async function startWorker(): Promise<AgentProcess> {
    const worker = startAgent({ ...settings("worker"), requestTimeout: 60 }, "worker");
    processes.push(worker);
    await worker.acknowledged;
    return worker;
  }

  it.each([
    ["by subject", {}],
    ["by name", { to: "worker" }],
  ])("loses no request that is sent %s", async (_, options) => {
    let running = await startWorker();
    let restarting = true;
    const by = new Map<number, number>();
    let asked = 0;
    const stream = async (subject: string) => {
      while (restarting) {
        asked += 1;
        const n = asked;
        const reply = await asker.request(subject, n, { ...options, timeout: 600 });
        expect(reply).toMatchObject({ n });
        const { by: pid } = reply as { by: number };
        by.set(pid, (by.get(pid) ?? 0) + 1);
        await setTimeout(PAUSE_MS);
      }
    };
    const streams = Promise.all(
      Array.from({ length: STREAMS }, (_, n) => stream(`tasks.${n}`)),
    ).finally(() => {
      restarting = false;
    });
    for (let restart = 0; restart < RESTARTS && restarting; restart++) {
      const older = running;
      running = await startWorker();
      // As an orchestrator does. The older process must deliver its answers nevertheless.
      await older.draining;
      older.child.kill("SIGTERM");
      // The signal may come when it has ended already, and meet no handler.
      const { code, printed } = await older.exited;
      expect(printed).toEqual(["acknowledged", "draining", "ended: superseded"]);
      expect([0, null]).toContain(code);
    }
    restarting = false;
    await streams;
    expect([...by.keys()]).toHaveLength(RESTARTS + 1);
    expect([...by.values()].reduce((sum, n) => sum + n)).toBe(asked);
  });
});
