/** What the server's clock shows, learnt from refused logins and from acks. */

import type { Runtime } from "../platform/runtime";
import { type Clocks, passedSince, readClocks } from "./clocks";

/** A `Date` header has whole seconds, as some clocks have, and an answer takes its time: a smaller difference says nothing. */
const TELLING_MS = 5_000;

/**
 * The server's clock, as far as it is known. From then on its time is counted by clocks that nobody sets, so that a step of
 * the wall clock changes nothing.
 */
export class ServerClock {
  /** The server's time, and how the other clocks stood then. */
  #learnt: [serverTime: number, then: Clocks] | null = null;

  constructor(private readonly platform: Pick<Runtime, "now" | "monotonic" | "boottime">) {}

  /** How far the local clock is ahead of the server's, in milliseconds; null until it is known. */
  get skewMs(): number | null {
    return this.#learnt && Math.round(this.platform.now() - this.now());
  }

  /**
   * Epoch milliseconds by the server's clock, as well as it is known.
   *
   * @param byWall counts by the wall clock: wrong after a step, but right after a sleep of a machine without a clock that
   *   runs on meanwhile
   */
  now(byWall = false): number {
    if (!this.#learnt) return this.platform.now();
    const [serverTime, then] = this.#learnt;
    const [passedMs, withSleepMs, wallMs] = passedSince(this.platform, then);
    const certainMs = withSleepMs - passedMs >= TELLING_MS ? withSleepMs : passedMs;
    return serverTime + (byWall ? wallMs : certainMs);
  }

  /**
   * Learns from an ack, whose time was taken within the round trip. What agrees as far as that can say changes nothing: times of
   * the past, such as when work began, stay the same from heartbeat to heartbeat.
   */
  learnFromAck(serverTime: number, roundTripMs: number): void {
    const errorMs = roundTripMs / 2;
    const [known, reported] = [this.#learnt ? this.now() : Number.NaN, serverTime + errorMs];
    this.#learnt = [
      Math.abs(reported - known) <= errorMs ? known : reported,
      readClocks(this.platform),
    ];
  }
}

/**
 * Learns from the `Date` header of a refused handshake.
 *
 * @returns whether a token minted now would carry a notably different time than the refused one
 */
export function learnFromDate(clock: ServerClock, date: string | undefined): boolean {
  // The header is cut to the second: half a second is the best guess of the rest.
  const serverTime = Date.parse(date ?? "") + 500;
  const differs = Math.abs(clock.now() - serverTime) >= TELLING_MS;
  if (differs) clock.learnFromAck(serverTime, 0);
  return differs;
}
