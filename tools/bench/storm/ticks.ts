/** A queue of agents by the millisecond at which each is due: constant time a call, for a million of them. */

/** The longest delay that it holds, in milliseconds: a power of two, so that times wrap by a mask. */
const SPAN = 2 ** 22;
const NONE = -1;

export class Ticks {
  /** The agent that was added last to each millisecond, and behind each agent the one added before it. */
  readonly #heads = new Int32Array(SPAN).fill(NONE);
  readonly #behind: Int32Array;
  #now = 0;
  #waiting = 0;

  constructor(agents: number) {
    this.#behind = new Int32Array(agents);
  }

  /** Milliseconds since the start. */
  get now(): number {
    return this.#now;
  }

  get isEmpty(): boolean {
    return this.#waiting === 0;
  }

  /**
   * Makes an agent due, which must not be waiting already, in a millisecond at the earliest.
   *
   * @throws RangeError if the delay is longer than the queue holds
   */
  add(agent: number, delayMs: number): void {
    const delay = Math.max(1, Math.round(delayMs));
    if (!(delay < SPAN)) throw new RangeError(`expected a delay under ${SPAN} ms, got ${delayMs}`);
    const slot = (this.#now + delay) & (SPAN - 1);
    this.#behind[agent] = this.#heads[slot] as number;
    this.#heads[slot] = agent;
    this.#waiting += 1;
  }

  /** Goes one millisecond on, and visits the agents that are due then, in no order. */
  step(visit: (agent: number) => void): void {
    this.#now += 1;
    const slot = this.#now & (SPAN - 1);
    let agent = this.#heads[slot] as number;
    this.#heads[slot] = NONE;
    while (agent !== NONE) {
      const behind = this.#behind[agent] as number;
      this.#waiting -= 1;
      visit(agent);
      agent = behind;
    }
  }
}
