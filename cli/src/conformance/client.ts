/** The client under test: a process that reads calls and writes events, as lines of JSON. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type Feed, Violation } from "./feed";

/** What the client's process reports. */
export type Event = { event: string } & Record<string, unknown>;
type Reply = { id: number; result?: unknown; error?: string };

/** See `conformance/README.md` for what each call has to do. */
export interface AgentSettings {
  agentId: string;
  organizationId: string;
  url: string;
  /** PEM. */
  privateKey: string;
  heartbeatInterval: number;
  heartbeatTimeoutMultiplier: number;
  ackEvery: number;
  reconnect: { baseDelay: number; maxDelay: number };
  rotateAfter: { min: number; max: number };
  drainTimeout: number;
  /** Left out where heartbeats go over the WebSocket. */
  heartbeatTransport?: "http";
  httpUrl?: string;
  /** Patterns whose messages it answers with `{ echo: <data> }`. */
  patterns: string[];
  /** The group in which it handles a pattern, by pattern. */
  groups: Record<string, string>;
}

export class ClientProcess {
  readonly events: Event[] = [];
  readonly #process: ChildProcess;
  readonly #replies = new Map<number, Reply>();
  readonly #exited: Promise<void>;
  #count = 0;
  #ended: string | undefined;

  constructor(
    command: readonly string[],
    private readonly feed: Feed,
  ) {
    const [program = "", ...args] = command;
    this.#process = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    const { stdin, stdout } = this.#process;
    stdin?.on("error", () => undefined);
    this.#exited = new Promise((resolve) => {
      const end = (how: string) => {
        this.#ended = how;
        this.feed.changed();
        resolve();
      };
      this.#process.on("error", (error) => end(error.message));
      this.#process.on("close", (code, signal) => end(`it ended with ${signal ?? `code ${code}`}`));
    });
    if (stdout) createInterface({ input: stdout }).on("line", (line) => this.#read(line));
  }

  /** Asks the client to do something, and waits for what comes of it. */
  async call(name: string, parameters: object = {}): Promise<unknown> {
    this.#count += 1;
    const id = this.#count;
    this.#process.stdin?.write(`${JSON.stringify({ call: name, id, ...parameters })}\n`);
    const reply = await this.feed.until(`an answer to the call ${name}`, () => {
      if (this.#ended)
        throw new Violation(`expected an answer to the call ${name}: ${this.#ended}`);
      return this.#replies.get(id);
    });
    if (reply.error !== undefined) throw new CallFailed(reply.error);
    return reply.result;
  }

  /** Resolves with an event, as soon as there is one that fits. */
  event(name: string, fits: (event: Event) => boolean = () => true): Promise<Event> {
    return this.feed.until(`the event ${name}`, () =>
      this.events.find((event) => event.event === name && fits(event)),
    );
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#exited;
  }

  #read(line: string): void {
    let received: Event | Reply;
    try {
      received = JSON.parse(line);
    } catch {
      return;
    }
    if ("event" in received) this.events.push(received);
    else this.#replies.set(received.id, received);
    this.feed.changed();
  }
}

/** A call that the client refused, or that failed, by the name of its error. */
class CallFailed extends Error {
  override name = "CallFailed";
}

/** The name of the error that a call ends with; undefined if it succeeds. */
export async function failureOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof CallFailed) return error.message;
    throw error;
  }
}
