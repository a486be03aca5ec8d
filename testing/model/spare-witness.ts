/** Knows in the plain cases until when an older connection keeps its agent online, whatever becomes of the newer one. */

import type { StatusRow } from "@agent-heartbeat/sdk/status";
import { type Connection, type Fact, LEASE_MS } from "./history";
import type { Truth } from "./truth";

export class SpareWitness {
  /** The older connection that was heard last, while nothing has come between. */
  #spare: { connection: number; newest: Connection; until: number } | undefined;

  /** The newest connection before. */
  #newest: Connection | undefined;

  constructor(private readonly connections: Connection[]) {}

  /**
   * Takes what was delivered in one step.
   *
   * @param row the row after it
   * @returns until when the agent has to read as online; undefined if this says nothing of it
   */
  hear(facts: Fact[], truth: Truth, row: StatusRow | undefined): number | undefined {
    const [fact] = facts;
    if (!fact) return undefined;
    const before = this.#newest;
    this.#newest = truth.connection;
    // Which of two comes first, when both are handled at once, nobody knows.
    if (facts.length > 1) {
      this.#spare = undefined;
      const plain = facts.every(({ kind }) => kind !== "connect") && before === truth.connection;
      const beats = facts.filter((one) => this.#speaks(one, truth));
      return plain && beats.length > 0
        ? Math.max(...beats.map(({ at }) => at)) + LEASE_MS
        : undefined;
    }
    if (this.#speaks(fact, truth)) {
      const until = fact.at + LEASE_MS;
      const written = row?.lastHeartbeatAt === fact.at && row.spareLeaseExpiresAt === until;
      this.#spare = written
        ? { connection: fact.connection, newest: truth.connection, until }
        : undefined;
      return until;
    }
    const spare = this.#spare;
    const kept = spare?.newest === truth.connection && this.#keeps(fact, truth);
    if (!kept) this.#spare = undefined;
    return kept && fact === truth.ended && fact.at < spare.until ? spare.until : undefined;
  }

  /** A heartbeat of an older connection that has not ended, after all that has. */
  #speaks(fact: Fact, { ended, olderBeats, olderEnds }: Truth): boolean {
    if (!olderBeats.includes(fact)) return false;
    const ends = ended ? [ended, ...olderEnds] : olderEnds;
    return ends.every(({ at, connection }) => at < fact.at && connection !== fact.connection);
  }

  /** The newer connection's heartbeats and its end leave the spare as it is. */
  #keeps({ kind, connection }: Fact, truth: Truth): boolean {
    return kind !== "connect" && this.connections[connection] === truth.connection;
  }
}
