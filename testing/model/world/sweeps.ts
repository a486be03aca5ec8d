/** Sweeps, each of which acts on what it has seen some time before. */

import type { StatusRow } from "@agent-heartbeat/sdk/status";
import { displacedConnections, openConnections } from "../../../core/row-connections";
import type { Agents } from "./agents";
import type { Calls } from "./calls";
import type { Offer } from "./offer";
import { SKEW_MS, type World } from "./world";

export class Sweeps {
  readonly #observed: { row: StatusRow; what: "expire" | "stall" | "recover" }[] = [];

  constructor(
    private readonly world: World,
    private readonly calls: Calls,
    private readonly agents: Pick<Agents, "close">,
  ) {}

  /** What they may do next. */
  offer(detail: number, { offer, likely }: Offer): void {
    const { row, now } = this.world;
    const due = row?.status === "online" && this.#due(row);
    if (due) {
      offer(likely(9, 4, 1), () => {
        this.world.note(`a sweep sees: ${due}`);
        this.#observed.push({ row, what: due });
      });
    }
    if (this.#observed.length > 0) offer(likely(9, 4, 1), () => this.#sweep(detail));
    if (row && displacedConnections(row).length > 0 && row.connectedAt + 30_000 <= now) {
      offer(likely(9, 4, 1), () => this.#forget(row, detail));
    }
  }

  /** What a sweep would do now. */
  #due({ leaseExpiresAt, stallsAt, stalledSince }: StatusRow) {
    if (leaseExpiresAt < this.world.now - SKEW_MS) return "expire";
    if (stalledSince === undefined)
      return (stallsAt ?? this.world.now + 1) <= this.world.now && "stall";
    return (stallsAt ?? this.world.now + 1) > this.world.now && "recover";
  }

  #sweep(detail: number): void {
    const seen = this.#observed.shift();
    if (!seen) return;
    const { row, what } = seen;
    const operation = this.calls.run(what, `a sweep acts: ${what}`, undefined, async (store) => {
      const { stallsAt = 0, stalledSince = 0 } = row;
      if (what === "stall") return String(await store.stall({ ...row, stallsAt }));
      if (what === "recover") return String(await store.recover({ ...row, stalledSince }));
      const written = await store.expire(row);
      const ids = [...openConnections(row), ...displacedConnections(row)];
      // Some can't be closed.
      const closes = detail % 3 > (this.world.isLikely(13) ? 1 : 0);
      for (const id of written && closes ? ids : []) this.agents.close(id);
      return String(written);
    });
    operation.observed = row;
  }

  #forget(row: StatusRow, detail: number): void {
    const { displaced } = row;
    if (!displaced || detail % 6 === 0) return;
    const what = "a sweep closes who was displaced";
    const operation = this.calls.run("forget", what, undefined, async (store) => {
      for (const id of displacedConnections(row)) this.agents.close(id);
      return String(await store.forget({ ...row, displaced }));
    });
    operation.observed = row;
  }
}
