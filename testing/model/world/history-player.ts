/**
 * Plays a history in a small world in which everything happens that may: processes of an agent connect, beat, break and come
 * back; the gateway's hosts disagree about the time; writes are delayed, repeated, lost; operators lock out and let in; sweeps,
 * the TTL and the stream take their time. A history is a list of numbers: each chooses one of the things that can
 * happen next, so that every history is possible, and a part of one is a history too. The first number chooses what is
 * likely, so that some histories are full of rotations, some of sweeps, some of processes.
 */

import { BrokenPromise } from "../broken";
import { type Fate, InMemoryTable, type Mutation } from "../in-memory-table";
import { Agents } from "./agents";
import { Calls, type Judge, settled } from "./calls";
import { HttpAgents } from "./http-agents";
import type { Offer } from "./offer";
import { Operators } from "./operators";
import { StreamReader } from "./stream-reader";
import { Sweeps } from "./sweeps";
import { HOUR_MS, World } from "./world";

const PASSING = [1, 40, 700, 1900, 2600, 5000, 8000, 30_000, 60_000];
/** In histories of silence. */
const LONG = [700, 5000, 8000, 30_000];
/** As many processes as a row remembers. */
const CROWD = 6;

export class HistoryPlayer {
  readonly world: World;
  readonly #calls: Calls;
  readonly #agents: Agents;
  readonly #httpAgents: HttpAgents;
  readonly #operators: Operators;
  readonly #sweeps: Sweeps;
  readonly #stream: StreamReader;
  #slept = false;

  constructor(
    mutation: Mutation,
    private readonly judge: Judge,
  ) {
    const world = new World(new InMemoryTable(mutation));
    this.world = world;
    this.#calls = new Calls(world, judge);
    this.#agents = new Agents(world, this.#calls);
    this.#httpAgents = new HttpAgents(world, this.#calls);
    this.#operators = new Operators(world, this.#calls);
    this.#sweeps = new Sweeps(world, this.#calls, this.#agents);
    this.#stream = new StreamReader(world, this.#agents);
  }

  /** @throws BrokenPromise */
  async play(history: readonly number[]): Promise<void> {
    try {
      const [theme = 0, ...steps] = history;
      this.world.theme = theme;
      if (this.world.isLikely(12)) await (this.world.isBusy ? this.#takeKeysAway() : this.#crowd());
      for (const number of steps) {
        this.world.previous = this.world.row;
        this.world.writer = undefined;
        this.world.hasPublished = false;
        await this.#step(number);
        this.judge.after(this.world);
      }
      await this.#finish();
    } catch (error) {
      if (error instanceof BrokenPromise) error.message += `\n${this.world.log.join("\n")}`;
      throw error;
    }
  }

  /** Processes have come and gone before. */
  async #crowd(): Promise<void> {
    for (let process = 0; process < CROWD; process++) {
      this.#agents.login(process, 1);
      const connection = this.world.connections.at(-1);
      if (!connection) return;
      this.#agents.connect(connection);
      await this.#finish();
      if (connection.state !== "admitted") continue;
      this.#agents.open(connection);
      this.#agents.end(connection, 1);
      await this.#finish();
    }
  }

  /** An agent is offline, has lost a key before, and loses its next two at once, while it sends a heartbeat. */
  async #takeKeysAway(): Promise<void> {
    this.#agents.login(0, 0);
    const [connection] = this.world.connections;
    if (!connection) return;
    this.#agents.connect(connection);
    await this.#finish();
    this.#agents.open(connection);
    this.#agents.beat(connection, 0);
    await this.#finish();
    this.#agents.end(connection, 1);
    await this.#finish();
    this.#operators.rotateKey(0);
    await this.#finish();
    if (this.world.isLikely(14)) this.#httpAgents.request("http", 0, 1);
    for (const detail of [0, 1]) this.#operators.rotateKey(detail);
  }

  /** Whatever is under way comes to its end. */
  async #finish(): Promise<void> {
    await settled();
    for (let left = 200; left > 0 && !this.world.isQuiet; left--) {
      const [first] = this.#calls.waiting;
      this.world.previous = this.world.row;
      this.world.writer = undefined;
      if (first) await this.#calls.arrive(first, "answered");
      else await this.#stream.read(0);
      this.judge.after(this.world);
    }
  }

  async #step(number: number): Promise<void> {
    if (this.#slept && this.world.isQuiet) {
      if (this.world.connections.every(({ state }) => state === "ended" || state === "refused")) {
        this.#slept = false;
        this.world.now += this.world.retentionMs + 3 * HOUR_MS;
        const { registered, enabled } = this.world.registry;
        if (registered && enabled && this.world.isLikely(7))
          this.#operators.lockOut("disable", number);
      } else {
        this.#agents.endAll();
      }
    }
    const detail = Math.floor(number / 100);
    const actions = this.#actions(detail);
    await actions[number % actions.length]?.();
    await settled();
  }

  /** What may happen next; what is likelier is there more often. */
  #actions(detail: number): (() => void | Promise<void>)[] {
    const { world } = this;
    const actions: (() => void | Promise<void>)[] = [];
    const offer: Offer["offer"] = (weight, action) => {
      for (let times = 0; times < weight; times++) actions.push(action);
    };
    const likely: Offer["likely"] = (theme, weight, otherwise = 0) =>
      world.isLikely(theme) ? weight : otherwise;
    offer(likely(13, 4, 1), () => this.#pass(detail));
    for (const waiting of this.#calls.waiting) {
      const fate: Fate = detail % 8 === 0 ? "repeated" : detail % 8 === 1 ? "fails" : "answered";
      offer(likely(0, 1), () => this.#calls.arrive(waiting, fate));
      // In some histories hardly anything happens at the same time, in others very much.
      offer(world.isBusy ? 1 : likely(1, 40, 2), () => this.#calls.arrive(waiting, "answered"));
    }
    const processes = likely(2, 9, 3);
    this.#agents.offer(processes, detail, { offer, likely });
    this.#httpAgents.offer(processes, detail, { offer, likely });
    if (world.told < world.stream.length) offer(likely(6, 1, 2), () => this.#stream.read(detail));
    this.#operators.offer(detail, { offer, likely });
    if (detail % 3 === 0) offer(likely(8, 1), () => this.#purge());
    if (detail % 5 === 0 && world.isQuiet) offer(likely(8, 3), () => this.#night());
    this.#sweeps.offer(detail, { offer, likely });
    return actions;
  }

  #pass(detail: number): void {
    const shaking = this.world.connections.some(({ state }) => state === "admitted");
    // A handshake that is admitted is over in no time.
    const spans = this.world.isLikely(13) ? LONG : PASSING;
    const span = spans[detail % spans.length] ?? 1;
    // A function has seconds.
    this.world.now += shaking ? 40 : Math.min(span, this.world.underWay.size > 0 ? 5000 : span);
    this.world.log.push(`${this.world.now}`);
  }

  /** Hours pass, in which the gateway ends every connection. */
  #night(): void {
    this.world.note(`hours pass`);
    this.#agents.endAll();
    this.#slept = true;
  }

  #purge(): void {
    this.world.note(`the TTL passes`);
    this.world.table.purge(this.world.now);
    if (!this.world.row) this.world.forgetProcesses();
  }
}
