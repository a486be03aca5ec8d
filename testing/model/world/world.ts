/** What really is in a history, whatever the service says of it: the judges of the promises ask it. */

import { derivePresence, rowFromItem, type StatusRow } from "@agent-heartbeat/sdk/status";
import type { Transition } from "../../../core/presence";
import type { Item } from "../expressions";
import type { InMemoryTable, StreamRecord } from "../in-memory-table";
import type { Connection, HttpProcess, Operation, Request } from "./participants";

export const LEASE_MS = 7500;
/** Each connection has an interval of its own, so that nobody's is shown for another's. */
export const INTERVAL_MS = 5000;
export const SKEW_MS = 2000;
export const HOUR_MS = 3_600_000;
export const NAME = { organizationId: "acme", agentId: "a" };

export class World {
  now = 1_000_000;
  /** The first number of the history. */
  theme = 0;
  readonly log: string[] = [];
  readonly connections: Connection[] = [];
  readonly requests: Request[] = [];
  readonly httpProcesses = new Map<number, HttpProcess>();
  readonly transitions = new Map<string, Transition>();
  /** Processes whose acquisition has been settled at some time. */
  readonly knownProcesses = new Set<number>();
  /** Processes of which nobody knows whether they were written. */
  readonly attempted = new Set<number>();
  /** The greatest fencing token of a lock-out that was carried out. */
  lockedOut = 0;
  /** Keys that were taken away, with the connections that used them. */
  readonly revokedKeys = new Set<string>();
  registry = { registered: true, enabled: true, token: 900_000, key: 0 };
  /** The connection whose end was written last, if nobody has come since. */
  lastReleased: Connection | undefined;
  underWay = new Set<Operation>();
  /** The row before the last step, and whose write that step has carried out. */
  previous: StatusRow | undefined;
  writer: Operation | undefined;
  /** Whether the last step has published transitions. */
  hasPublished = false;
  /** How many records of the stream have been read. */
  told = 0;
  #order = 0;
  #item: Item | undefined;
  #row: StatusRow | undefined;

  constructor(readonly table: InMemoryTable) {}

  get row(): StatusRow | undefined {
    const item = this.table.row;
    if (item !== this.#item) this.#row = item && rowFromItem(item);
    this.#item = item;
    return this.#row;
  }

  get stream(): StreamRecord[] {
    return this.table.stream;
  }

  get presence() {
    const { row } = this;
    return row?.instanceId === undefined ? undefined : derivePresence(row, this.now);
  }

  /** Whether nothing is under way, and everything in the stream has been told. */
  get isQuiet(): boolean {
    return this.underWay.size === 0 && this.told === this.stream.length;
  }

  /** How long a row is kept after its last lease: less or more than a lock-out. */
  get retentionMs(): number {
    return this.isLikely(16) ? 4 * HOUR_MS : HOUR_MS;
  }

  /** Whether something is likely in this history. */
  isLikely = (theme: number) => (this.theme >> theme) % 2 === 1;

  /** Whether much is under way at once. */
  get isBusy(): boolean {
    return this.isLikely(15) && this.isLikely(17);
  }

  note(what: string): void {
    this.log.push(`${this.now} ${what}`);
  }

  /** In which order acquisitions came to their end. */
  nextOrder(): number {
    return this.#order++;
  }

  connectionOf(connectionId: string): Connection | undefined {
    return this.connections.find(({ holder }) => holder.connectionId === connectionId);
  }

  /** Whether a connection logged in before the registry locked it out, whatever has become of the row. */
  isOutdated({ holder: { fencingToken, keyTag } }: Connection): boolean {
    return fencingToken < this.registry.token || keyTag !== `key-${this.registry.key}`;
  }

  /** Whether a lock-out that was carried out is meant for a connection. */
  isLockedOut({ holder: { fencingToken, keyTag } }: Connection): boolean {
    return fencingToken < this.lockedOut || this.revokedKeys.has(keyTag);
  }

  forgetProcesses(): void {
    for (const process of this.knownProcesses) this.attempted.add(process);
    this.knownProcesses.clear();
  }
}
