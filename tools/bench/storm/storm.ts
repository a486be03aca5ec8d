/**
 * Simulates one storm: a fleet loses its connections and reconnects through the gateway's quota.
 */

import { TokenBucket } from "../../../local/aws/gateway/token-bucket";
import { seededRandom } from "../../../testing/random";
import { CONNECTS_PER_SECOND } from "./gateway";
import type { Outcome, Policy, Reconnecting } from "./policies";
import { TimerWheel } from "./timer-wheel";

export interface Storm {
  /** How many agents lose their connections. */
  agents: number;
  /** The period over which they notice, in milliseconds. @default 0 */
  spreadMs?: number;
  /** The size of the gateway's token bucket. @default one second's tokens */
  burst?: number;
  /** How long no handshake reaches the gateway, in milliseconds. @default 0 */
  outageMs?: number;
  /**
   * How many agents each simulated client represents. The quota is divided by the same number. Used
   * where agents are rejected many times each, which would take too long otherwise.
   *
   * @default 1
   */
  scale?: number;
  seed: number;
}

/** Times are in seconds since the first loss. Null where not enough agents came back. */
export interface StormResult {
  attempts: number;
  refused: number;
  /** Share of the attempts that reached the gateway. */
  refusedShare: number;
  peakAttemptsPerSecond: number;
  peakRefusedPerSecond: number;
  /** Agents that stopped trying. */
  gaveUp: number;
  p50: number | null;
  p99: number | null;
  p100: number | null;
  /** The minimum that the quota allows: agents / 500, starting at the end of the outage. */
  optimum: number;
  /** The time after the outage until 99 % were back, divided by the optimum. */
  ratio: number | null;
}

/** Time between an attempt and its response. */
const ROUND_TRIP_MS = { min: 50, max: 150 };

/** Agents that are not back by then don't count. */
const HORIZON_MS = 24 * 3_600_000;

/** Deterministic for a given seed. */
export function simulate(policy: Policy, storm: Storm): StormResult {
  const { spreadMs = 0, burst = CONNECTS_PER_SECOND, outageMs = 0, scale = 1 } = storm;
  const agents = storm.agents / scale;
  const random = seededRandom(storm.seed);
  const wheel = new TimerWheel(agents);
  const quota = new TokenBucket({
    perSecond: CONNECTS_PER_SECOND / scale,
    burst: burst / scale,
  });
  const clients: Reconnecting[] = Array.from({ length: agents }, () => policy.client(random));
  const backAt = new Uint32Array(agents);
  const [attempted, refusals] = [new PerSecond(), new PerSecond()];
  let [back, gaveUp] = [0, 0];

  const plan = (agent: number, outcome: Outcome, afterMs: number) => {
    const delayMs = (clients[agent] as Reconnecting).next(outcome);
    if (delayMs === null) gaveUp += 1;
    else wheel.add(agent, afterMs + delayMs);
  };
  const attempt = (agent: number) => {
    const { now } = wheel;
    const roundTripMs = ROUND_TRIP_MS.min + random() * (ROUND_TRIP_MS.max - ROUND_TRIP_MS.min);
    if (now < outageMs) {
      plan(agent, "unreachable", roundTripMs);
      return;
    }
    attempted.count(now);
    if (quota.admits(now)) {
      backAt[back] = Math.round(now + roundTripMs);
      back += 1;
    } else {
      refusals.count(now);
      plan(agent, "refused", roundTripMs);
    }
  };
  for (let agent = 0; agent < agents; agent++) plan(agent, "lost", random() * spreadMs);
  while (!wheel.isEmpty && wheel.now < HORIZON_MS) wheel.step(attempt);

  const sorted = backAt.subarray(0, back).sort();
  const quantile = (share: number) => {
    const index = Math.ceil(agents * share) - 1;
    return index < back ? (sorted[index] as number) / 1000 : null;
  };
  const p99 = quantile(0.99);
  const optimum = storm.agents / CONNECTS_PER_SECOND;
  return {
    attempts: attempted.total * scale,
    refused: refusals.total * scale,
    refusedShare: refusals.total / attempted.total,
    peakAttemptsPerSecond: attempted.peak * scale,
    peakRefusedPerSecond: refusals.peak * scale,
    gaveUp: gaveUp * scale,
    p50: quantile(0.5),
    p99,
    p100: quantile(1),
    optimum,
    ratio: p99 === null ? null : (p99 - outageMs / 1000) / optimum,
  };
}

/** The wait of an agent that alone lost its connection, in seconds. */
export interface Wait {
  mean: number;
  p99: number;
}

/** Deterministic for a given seed. */
export function loneWait(policy: Policy, seed: number, draws = 10_000): Wait {
  const random = seededRandom(seed);
  const waits = Float64Array.from(
    { length: draws },
    () => (policy.client(random).next("lost") ?? Number.NaN) / 1000,
  ).sort();
  const mean = waits.reduce((sum, wait) => sum + wait, 0) / draws;
  return { mean, p99: waits[Math.ceil(draws * 0.99) - 1] as number };
}

/** Counts events per second. Events must arrive in chronological order. */
class PerSecond {
  total = 0;
  peak = 0;
  #second = -1;
  #inSecond = 0;

  count(now: number): void {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.total += 1;
    this.#inSecond += 1;
    this.peak = Math.max(this.peak, this.#inSecond);
  }
}
