/**
 * The subscriptions of one connection, brought to what is wanted: for each one message at a time. Each is named by its
 * pattern, and after a space its group.
 */

import type { SubscribeMessage, UnsubscribeMessage } from "../../../core/protocol";
import type { ReceivedMessage } from "../../../core/server-messages";
import type { Runtime } from "../platform/runtime";

/** The window of the first repetition, which doubles with each that fails, and the largest one. */
const RETRY_MS = { base: 1_000, max: 30_000 };

/** Tells the ids of these messages from those of an agent's requests. */
const ID_PREFIX = "subscription-";

interface Entry {
  wanted: boolean;
  /** What the server has made of it: `refused` is as final as the other two. */
  is: "absent" | "present" | "refused";
  asked: { id: string; type: "subscribe" | "unsubscribe" } | null;
  /** Monotonic: when to ask again, or, while asked, when to give the answer up. */
  dueAt: number;
  failures: number;
}

export class Subscriptions {
  readonly #entries = new Map<string, Entry>();
  #count = 0;

  /** @param timeoutMs how long to wait for an answer before asking again */
  constructor(
    private readonly send: (message: SubscribeMessage | UnsubscribeMessage) => void,
    private readonly platform: Pick<Runtime, "random">,
    private readonly timeoutMs: number,
  ) {}

  /** Whether every pattern that is wanted is subscribed to, or was refused. */
  get complete(): boolean {
    return [...this.#entries.values()].every(({ wanted, is }) => !wanted || is !== "absent");
  }

  /** Monotonic milliseconds at which there is something to do. */
  get nextAt(): number {
    const due = [...this.#entries.values()].filter(isUnsettled);
    return Math.min(Number.POSITIVE_INFINITY, ...due.map(({ dueAt }) => dueAt));
  }

  want(patterns: Iterable<string>): void {
    const wanted = new Set(patterns);
    for (const [pattern, entry] of this.#entries) {
      entry.wanted = wanted.has(pattern);
      if (!entry.wanted && !isUnsettled(entry)) this.#entries.delete(pattern);
    }
    for (const pattern of wanted) {
      if (this.#entries.has(pattern)) continue;
      this.#entries.set(pattern, {
        wanted: true,
        is: "absent",
        asked: null,
        dueAt: 0,
        failures: 0,
      });
    }
  }

  /** Asks for what is due. */
  work(now: number): void {
    for (const [pattern, entry] of this.#entries) {
      if (!isUnsettled(entry) || entry.dueAt > now) continue;
      // An answer that did not come may still do: the old question's id counts no more.
      if (entry.asked) this.#failed(entry, now);
      else this.#ask(pattern, entry, now);
    }
  }

  /** @returns whether the message answers one of these */
  answered(message: ReceivedMessage, now: number): boolean {
    if (!("id" in message) || !message.id?.startsWith(ID_PREFIX)) return false;
    for (const [pattern, entry] of this.#entries) {
      if (entry.asked?.id !== message.id) continue;
      if (message.type === "error" && message.code === "internal") this.#failed(entry, now);
      else this.#settle(pattern, entry, message);
    }
    return true;
  }

  #ask(pattern: string, entry: Entry, now: number): void {
    this.#count += 1;
    const type = entry.wanted ? "subscribe" : "unsubscribe";
    entry.asked = { id: `${ID_PREFIX}${this.#count}`, type };
    entry.dueAt = now + this.timeoutMs;
    const [subject = "", group] = pattern.split(" ");
    this.send({ type, subject, ...(group && { group }), id: entry.asked.id });
  }

  #settle(pattern: string, entry: Entry, { type }: ReceivedMessage): void {
    if (type === "error") entry.is = "refused";
    else entry.is = entry.asked?.type === "subscribe" ? "present" : "absent";
    entry.asked = null;
    entry.failures = 0;
    entry.dueAt = 0;
    if (!entry.wanted && entry.is !== "present") this.#entries.delete(pattern);
  }

  #failed(entry: Entry, now: number): void {
    const window = Math.min(RETRY_MS.max, RETRY_MS.base * 2 ** entry.failures);
    entry.failures = Math.min(entry.failures + 1, 10);
    entry.asked = null;
    entry.dueAt = now + this.platform.random() * window;
  }
}

/** Something is asked, or has to be. */
const isUnsettled = ({ wanted, is, asked }: Entry) =>
  asked !== null || (wanted ? is === "absent" : is === "present");
