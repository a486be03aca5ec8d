/** The calls of the store that are under way: each write waits until the history lets it arrive. */

import { LeaseStore } from "../../../lambda/lease/store";
import { BrokenPromise, broken } from "../broken";
import type { Fate, InMemoryTable } from "../in-memory-table";
import type { Connection, Operation } from "./participants";
import type { World } from "./world";

/** Judges whether the promises are kept. @throws BrokenPromise */
export interface Judge {
  finished(world: World, operation: Operation, outcome: string | undefined): void;
  after(world: World): void;
}

export interface Waiting {
  operation: Operation;
  go(fate: Fate): void;
}

export class Calls {
  waiting: Waiting[] = [];
  #broken: unknown;

  constructor(
    private readonly world: World,
    private readonly judge: Pick<Judge, "finished">,
  ) {}

  run(
    kind: Operation["kind"],
    what: string,
    connection: Connection | undefined,
    work: (store: LeaseStore, client: ReturnType<InMemoryTable["client"]>) => Promise<string>,
  ): Operation {
    this.world.note(what);
    const others = this.world.underWay.size > 0;
    for (const operation of this.world.underWay) operation.solo = false;
    const operation: Operation = {
      name: what,
      kind,
      connection,
      startedAt: this.world.now,
      before: this.world.row,
      writes: 0,
      changes: 0,
      solo: !others,
      smooth: true,
    };
    this.world.underWay.add(operation);
    const client = this.world.table.client(
      () => new Promise((go) => this.waiting.push({ operation, go })),
    );
    const store = new LeaseStore({
      client,
      tableName: "AgentStatus",
      retentionMs: this.world.retentionMs,
    });
    const finish = (outcome: string | undefined) => {
      this.world.underWay.delete(operation);
      this.world.note(`  ${what}: ${outcome ?? "failed"}`);
      this.judge.finished(this.world, operation, outcome);
    };
    work(store, client)
      .then(finish, (error) => {
        if (error instanceof BrokenPromise) this.#broken ??= error;
        if (connection && kind === "acquire") {
          // Whether it was written nobody knows; the client is refused, and no end is ever told.
          connection.state = "refused";
          connection.outcome = "acquired";
          connection.order = this.world.nextOrder();
          connection.listed = connection.order;
          connection.released = "lost";
          this.world.attempted.add(connection.process);
        }
        // Of a handshake that was written again nobody tells the end.
        if (connection && (kind === "release" || kind === "again")) connection.released = "lost";
        if (connection && kind === "again") connection.listed = this.world.nextOrder();
        try {
          finish(undefined);
        } catch (broken) {
          this.#broken ??= broken;
        }
      })
      .catch((error) => {
        this.#broken ??= error;
      });
    return operation;
  }

  async arrive(waiting: Waiting, fate: Fate): Promise<void> {
    this.waiting = this.waiting.filter((one) => one !== waiting);
    if (fate !== "answered") {
      waiting.operation.smooth = false;
      this.world.note(`  ${waiting.operation.name}: a write is ${fate}`);
    }
    waiting.operation.writes += 1;
    this.world.writer = waiting.operation;
    const { row } = this.world;
    waiting.go(fate);
    await settled();
    const { operation } = waiting;
    // A removal goes on after a later lock-out has refused it. Subscriptions only read.
    const chooses = operation.token === undefined && operation.kind !== "subscribe";
    const isRefused = chooses && this.world.row === row && fate === "answered";
    if (isRefused && operation.refusedBy && operation.refusedBy.row === row) {
      broken(`a write that was chosen by the row is carried out: ${operation.name}`, row);
    }
    operation.refusedBy = isRefused ? { row } : undefined;
    if (this.world.row !== row) operation.replaced = row;
    for (const other of this.world.row === row ? [] : this.world.underWay) {
      if (other !== waiting.operation) other.changes += 1;
    }
    if (this.#broken) throw this.#broken;
  }
}

/** Lets everything go on that waits for nothing. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));
