/** The local runtime's clock, which tests can replace. */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `work` once after `delayMs`. */
  after(delayMs: number, work: () => void): Timer;
}

/** The machine's clock. Its timers don't keep the process running. */
export const systemClock: Clock = {
  now: Date.now,
  after(delayMs, work) {
    const timeout = setTimeout(work, delayMs);
    timeout.unref();
    return { cancel: () => clearTimeout(timeout) };
  },
};
