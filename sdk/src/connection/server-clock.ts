/** How far the local clock is off the server's, learnt from refused logins and from acks. */

/** A `Date` header has whole seconds and an answer takes its time: a smaller difference says nothing. */
const TELLING_MS = 5_000;

/** The local clock with its error, as far as the server has told. */
export class ServerClock {
  #skewMs: number | null = null;

  constructor(private readonly localNow: () => number) {}

  /** How far the local clock is ahead of the server's, in milliseconds; null until it is known. */
  get skewMs(): number | null {
    return this.#skewMs;
  }

  /** Epoch milliseconds by the server's clock, as well as it is known. */
  now(): number {
    return this.localNow() - (this.#skewMs ?? 0);
  }

  /**
   * Learns from the `Date` header of a refused handshake.
   *
   * @returns whether a token minted now would carry a notably different time than the refused one
   */
  learnFromDate(date: string | undefined): boolean {
    const serverTime = Date.parse(date ?? "");
    if (Number.isNaN(serverTime)) return false;
    // The header is cut to the second: half a second is the best guess of the rest.
    const skewMs = this.localNow() - (serverTime + 500);
    if (Math.abs(skewMs - (this.#skewMs ?? 0)) < TELLING_MS) return false;
    this.#skewMs = skewMs;
    return true;
  }

  /** Learns from an ack, whose time was taken half a round trip ago. */
  learnFromAck(serverTime: number, roundTripMs: number): void {
    this.#skewMs = Math.round(this.localNow() - (serverTime + roundTripMs / 2));
  }
}
