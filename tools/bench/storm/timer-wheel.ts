/**
 * A timer wheel of agents with a resolution of one millisecond. Every call takes constant time,
 * even for a million agents.
 */

/**
 * The longest delay plus one, in milliseconds: a power of two, so that times wrap with a bit mask.
 */
const SPAN = 2 ** 22;
const NONE = -1;

export class TimerWheel {
  /**
   * A linked list per millisecond: the agent added last, and for each agent the one added before
   * it.
   */
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
   * Schedules an agent that is not scheduled yet, at least one millisecond ahead.
   *
   * @throws RangeError if the delay exceeds the span
   */
  add(agent: number, delayMs: number): void {
    const delay = Math.max(1, Math.round(delayMs));
    if (!(delay < SPAN)) throw new RangeError(`expected a delay under ${SPAN} ms, got ${delayMs}`);
    const slot = (this.#now + delay) & (SPAN - 1);
    this.#behind[agent] = this.#heads[slot] as number;
    this.#heads[slot] = agent;
    this.#waiting += 1;
  }

  /** Advances by one millisecond and visits the agents due then, in no particular order. */
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
