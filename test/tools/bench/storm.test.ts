import { describe, expect, it } from "@jest/globals";
import { TokenBucket } from "../../../local/aws/gateway/token-bucket";
import { measureStorms } from "../../../tools/bench/storm/measure";
import { ownPolicy } from "../../../tools/bench/storm/own-policy";
import { PUBLISHED } from "../../../tools/bench/storm/policies";
import { storm } from "../../../tools/bench/storm/section";
import { simulate } from "../../../tools/bench/storm/storm";
import { Ticks } from "../../../tools/bench/storm/ticks";

const published = (name: string) => {
  const policy = PUBLISHED.find((one) => one.name === name);
  if (!policy) throw new Error(`expected a policy named ${name}, got none`);
  return policy;
};

describe("a storm", () => {
  it.each([1_000, 3_333, 10_000, 30_000])(
    "of %d agents that the gateway cut off is over in little more than the quota takes, with none refused",
    (agents) => {
      const policy = ownPolicy({ loss: "closed by the gateway", counted: agents });
      const result = simulate(policy, { agents, seed: 7 });
      expect(result.ratio).toBeLessThan(1.15);
      expect(result.refusedShare).toBeLessThan(0.01);
    },
  );

  it("is no different where the gateway's bucket holds a twentieth of a second's tokens", () => {
    const policy = ownPolicy({ loss: "closed by the gateway", counted: 20_000 });
    const result = simulate(policy, { agents: 20_000, burst: 25, seed: 7 });
    expect(result.ratio).toBeLessThan(1.15);
    expect(result.refusedShare).toBeLessThan(0.01);
  });

  it.each([0.1, 10])("ends, though the fleet was counted %d times as large", (factor) => {
    const agents = 20_000;
    const policy = ownPolicy({ loss: "closed by the gateway", counted: agents * factor });
    const result = simulate(policy, { agents, seed: 7 });
    expect(result.p100).not.toBeNull();
    expect(result.ratio).toBeLessThan(factor > 1 ? 11 : 2.2);
  });

  it("is the same for the same seed, and another for another", () => {
    const run = (seed: number) => simulate(published("socket.io"), { agents: 2_000, seed });
    expect(run(1)).toEqual(run(1));
    expect(run(1)).not.toEqual(run(2));
  });

  it("of clients that stand for several is like that of as many clients", () => {
    const run = (scale: number) =>
      simulate(published("reconnecting-websocket"), { agents: 20_000, scale, seed: 1 });
    const [all, few] = [run(1), run(10)];
    expect(few.refusedShare).toBeCloseTo(all.refusedShare, 1);
    expect(few.ratio).toBeCloseTo(all.ratio ?? 0, 1);
  });

  it("takes ever longer for clients without chance, and is never over for those that give up", () => {
    const size = { agents: 20_000, seed: 1, scale: 4 };
    expect(simulate(published("partysocket"), size).ratio).toBeGreaterThan(5);
    const nats = simulate(published("nats.js"), { ...size, agents: 200_000, scale: 40 });
    expect(nats.gaveUp).toBeGreaterThan(100_000);
    expect(nats.p100).toBeNull();
  });

  it("is told with every policy, every condition and a verdict on every goal", async () => {
    const progress: string[] = [];
    const options = { quick: true, progress: (line: string) => progress.push(line) };
    const figures = await measureStorms(options);
    const text = storm.markdown(figures);
    for (const { name, source } of PUBLISHED) {
      expect(text).toContain(`| 10,000 | ${name} |`);
      expect(text).toContain(source);
    }
    expect(text).not.toContain("NaN");
    expect(storm.goals(figures).map(({ met }) => met)).toEqual([true, true]);
    expect(progress.length).toBeGreaterThan(0);
  });
});

describe("the quota of new connections", () => {
  it("lets in a burst as large as its bucket, and what has come in since", () => {
    const quota = new TokenBucket({ perSecond: 500, burst: 500 });
    const admitted = (now: number, attempts: number) =>
      Array.from({ length: attempts }, () => quota.admits(now)).filter(Boolean).length;
    expect(admitted(0, 600)).toBe(500);
    expect(admitted(100, 600)).toBe(50);
    expect(admitted(60_000, 600)).toBe(500);
  });
});

describe("the queue", () => {
  it("visits each agent in its millisecond, also those that are added meanwhile", () => {
    const ticks = new Ticks(3);
    ticks.add(0, 2);
    ticks.add(1, 1);
    ticks.add(2, 2);
    const visits: [number, number][] = [];
    while (!ticks.isEmpty) {
      ticks.step((agent) => {
        visits.push([ticks.now, agent]);
        if (agent === 1 && ticks.now < 3) ticks.add(1, 0.2);
      });
    }
    expect(visits.sort()).toEqual([
      [1, 1],
      [2, 0],
      [2, 1],
      [2, 2],
      [3, 1],
    ]);
  });

  it("refuses a delay that it can't hold", () => {
    expect(() => new Ticks(1).add(0, 2 ** 22)).toThrow("expected a delay under 4194304 ms");
  });
});
