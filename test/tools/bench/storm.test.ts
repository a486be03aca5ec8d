import { describe, expect, it } from "@jest/globals";
import { TokenBucket } from "../../../local/aws/gateway/token-bucket";
import { measureStorms } from "../../../tools/bench/storm/measure";
import { ownPolicy } from "../../../tools/bench/storm/own-policy";
import { PUBLISHED } from "../../../tools/bench/storm/policies";
import { storm } from "../../../tools/bench/storm/section";
import { simulate } from "../../../tools/bench/storm/storm";
import { TimerWheel } from "../../../tools/bench/storm/timer-wheel";

const published = (name: string) => {
  const policy = PUBLISHED.find((one) => one.name === name);
  if (!policy) throw new Error(`expected a policy named ${name}, got none`);
  return policy;
};

describe("a storm", () => {
  it.each([1_000, 3_333, 10_000, 30_000])(
    "of %d agents closed by the gateway ends close to the optimum, without rejections",
    (agents) => {
      const policy = ownPolicy({ loss: "closed by the gateway", counted: agents });
      const result = simulate(policy, { agents, seed: 7 });
      expect(result.ratio).toBeLessThan(1.15);
      expect(result.refusedShare).toBeLessThan(0.01);
    },
  );

  it("is not affected by a small token bucket in the gateway", () => {
    const policy = ownPolicy({ loss: "closed by the gateway", counted: 20_000 });
    const result = simulate(policy, { agents: 20_000, burst: 25, seed: 7 });
    expect(result.ratio).toBeLessThan(1.15);
    expect(result.refusedShare).toBeLessThan(0.01);
  });

  it.each([0.1, 10])("ends even if the fleet was counted as %d times its size", (factor) => {
    const agents = 20_000;
    const policy = ownPolicy({ loss: "closed by the gateway", counted: agents * factor });
    const result = simulate(policy, { agents, seed: 7 });
    expect(result.p100).not.toBeNull();
    expect(result.ratio).toBeLessThan(factor > 1 ? 11 : 2.2);
  });

  it("is reproducible for a seed, and differs between seeds", () => {
    const run = (seed: number) => simulate(published("socket.io"), { agents: 2_000, seed });
    expect(run(1)).toEqual(run(1));
    expect(run(1)).not.toEqual(run(2));
  });

  it("gives similar results when each simulated client represents several", () => {
    const run = (scale: number) =>
      simulate(published("reconnecting-websocket"), { agents: 20_000, scale, seed: 1 });
    const [all, few] = [run(1), run(10)];
    expect(few.refusedShare).toBeCloseTo(all.refusedShare, 1);
    expect(few.ratio).toBeCloseTo(all.ratio ?? 0, 1);
  });

  it("takes longer for clients without jitter, and never ends for clients that give up", () => {
    const size = { agents: 20_000, seed: 1, scale: 4 };
    expect(simulate(published("partysocket"), size).ratio).toBeGreaterThan(5);
    const nats = simulate(published("nats.js"), { ...size, agents: 200_000, scale: 40 });
    expect(nats.gaveUp).toBeGreaterThan(100_000);
    expect(nats.p100).toBeNull();
  });

  it("is reported with every policy, every condition and a result for every goal", async () => {
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
  it("admits a burst of the bucket's size, and then refills", () => {
    const quota = new TokenBucket({ perSecond: 500, burst: 500 });
    const admitted = (now: number, attempts: number) =>
      Array.from({ length: attempts }, () => quota.admits(now)).filter(Boolean).length;
    expect(admitted(0, 600)).toBe(500);
    expect(admitted(100, 600)).toBe(50);
    expect(admitted(60_000, 600)).toBe(500);
  });
});

describe("the timer wheel", () => {
  it("visits each agent in its millisecond, including agents added during a visit", () => {
    const wheel = new TimerWheel(3);
    wheel.add(0, 2);
    wheel.add(1, 1);
    wheel.add(2, 2);
    const visits: [number, number][] = [];
    while (!wheel.isEmpty) {
      wheel.step((agent) => {
        visits.push([wheel.now, agent]);
        if (agent === 1 && wheel.now < 3) wheel.add(1, 0.2);
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

  it("rejects a delay beyond its span", () => {
    expect(() => new TimerWheel(1).add(0, 2 ** 22)).toThrow("expected a delay under 4194304 ms");
  });
});
