/** Thousands of messages over a real network that breaks, while connections are replaced. */

import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { type FakeService, startFakeService } from "@agent-heartbeat/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { fastRuntime } from "../../../testing/fast-runtime";
import { FaultProxy } from "../../../testing/fault-proxy";
import { TEST_KEY } from "../../../testing/keys";

const MESSAGES = 8_000;
const BREAKS = 3;
const ROTATIONS = 3;
const SUBJECTS = ["tasks.a", "tasks.b", "tasks.c", "news"];

const turn = () => new Promise((resolve) => setImmediate(resolve));

let gateway: FakeService;
let proxy: FaultProxy;
let agent: HeartbeatAgent;

beforeEach(async () => {
  gateway = await startFakeService();
  proxy = await FaultProxy.start(gateway.port);
});

afterEach(async () => {
  await agent.stop();
  await proxy.close();
  await gateway.close();
});

/** Publishes numbers on each subject. */
class Numbers {
  /** Of each subject, how many were published. */
  readonly published = new Map<string, number>();
  count = 0;

  publish(): { subject: string; n: number } {
    const subject = SUBJECTS[this.count % SUBJECTS.length] as string;
    const n = this.published.get(subject) ?? 0;
    this.count += 1;
    this.published.set(subject, n + 1);
    gateway.publish(subject, n);
    return { subject, n };
  }
}

describe.each([false, true])("an agent with heartbeatThread: %s", (heartbeatThread) => {
  it("gets thousands of messages once and in order, but for those published while it was cut off", async () => {
    const numbers = new Numbers();
    const got = new Map(SUBJECTS.map((subject) => [subject, [] as number[]]));
    agent = new HeartbeatAgent({
      agentId: "agent-1",
      organizationId: "acme",
      url: proxy.url,
      privateKey: TEST_KEY,
      logger: null,
      messageQueue: MESSAGES,
      // A second thread has real time: there it is the breaks alone that are looked at.
      ...(heartbeatThread
        ? { heartbeatThread, reconnect: { baseDelay: 0.1, maxDelay: 0.1 } }
        : { runtime: fastRuntime(40), rotateAfter: { min: 10, max: 12 }, closeTimeout: 30 }),
    });
    const keep = (subject: string, data: unknown) => got.get(subject)?.push(data as number);
    agent.onMessage("tasks.*", async (subject, data) => {
      await null;
      keep(subject, data);
    });
    agent.onMessage("news", keep);
    let [rotations, ready, dropped] = [0, 0, 0];
    agent.on("rotated", () => rotations++);
    agent.on("ready", () => ready++);
    agent.on("messageDropped", () => dropped++);
    await agent.start();

    /** Resolves when the newest message of each subject is there. */
    const allArrived = async () => {
      const missing = () =>
        SUBJECTS.some((it) => got.get(it)?.at(-1) !== (numbers.published.get(it) ?? 0) - 1);
      while (missing()) await turn();
    };
    const publishedWhileCut = new Map(SUBJECTS.map((subject) => [subject, new Set<number>()]));
    let breaks = 0;
    let brokenAt = -1;
    const wantedRotations = heartbeatThread ? 0 : ROTATIONS;
    while (numbers.count < MESSAGES || breaks < BREAKS || rotations < wantedRotations) {
      const cut = brokenAt === ready;
      for (let n = 0; n < 25; n++) {
        const { subject, n: number } = numbers.publish();
        if (cut) publishedWhileCut.get(subject)?.add(number);
      }
      await turn();
      if (cut || breaks === BREAKS || numbers.count < (MESSAGES / 4) * (breaks + 1)) continue;
      // What was published so far has arrived: only what follows can be lost.
      await allArrived();
      proxy.reset();
      brokenAt = ready;
      breaks += 1;
    }
    while (brokenAt === ready) await turn();
    for (const _ of SUBJECTS) numbers.publish();
    await allArrived();

    expect(dropped).toBe(0);
    for (const [subject, arrived] of got) {
      expect(arrived).toEqual([...new Set(arrived)].toSorted((a, b) => a - b));
      const present = new Set(arrived);
      const missing = [...Array(numbers.published.get(subject)).keys()].filter(
        (n) => !present.has(n),
      );
      expect(missing.filter((n) => !publishedWhileCut.get(subject)?.has(n))).toEqual([]);
    }
  });
});
