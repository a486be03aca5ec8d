/** What is published, and what connections receive. */

import { standingOf } from "../../../lambda/lease/standing";
import { broken } from "../broken";
import { name } from "../world/participants";
import type { World } from "../world/world";

export function judgeTransitions({ transitions }: World): void {
  const told = [...transitions.values()];
  const events = told.map(({ event }) => event);
  let last: string = "offline";
  for (const [index, { event, reason, at, leaseExpiresAt }] of told.entries()) {
    const before = { online: ["offline"], offline: ["online", "stalled", "recovered"] };
    const work = { stalled: ["online", "recovered"], recovered: ["stalled"] };
    const due = { ...before, ...work, draining: before.offline };
    if (!due[event].includes(last))
      broken(
        "an agent comes and goes, stalls and recovers in turn, and drains while it is online",
        events,
      );
    if (event !== "draining") last = event;
    if (event !== "offline") continue;
    const late = at >= leaseExpiresAt;
    if (late !== (reason === "lease_expired") || at > leaseExpiresAt) {
      broken("an end after the lease's end is an expiry, at the lease's end", told[index]);
    }
  }
}

/** Once all is carried out and told. */
export function judgeQuiet(world: World): void {
  const { row, connections, transitions } = world;
  const published = [...transitions.values()];
  const last = published.filter(({ event }) => event !== "draining").at(-1)?.event ?? "offline";
  const stored =
    row?.status === "online" && row.stalledSince !== undefined ? "stalled" : row?.status;
  const told = last === "recovered" ? "online" : last;
  if (told !== (stored ?? "offline")) broken("what was told last is what is stored", row);
  const drains = row?.status === "online" && row.activity?.state === "draining";
  if (drains && published.at(-1)?.activity?.state !== "draining") {
    broken("who drains is told to drain", row);
  }
  for (const one of connections) {
    if (one.state !== "open" || one.closeMissed) continue;
    if (world.isLockedOut(one)) {
      broken(`a lock-out closes every connection: ${name(one)}`, row);
    }
    const standing = standingOf(row, one.holder);
    if (one.subscribed && standing !== "holds") {
      broken(`who does not hold the row gets no messages: ${name(one)} is ${standing}`, row);
    }
    if (standing === "superseded" && one.told.length === 0) {
      broken(`who is superseded is told so: ${name(one)}`, row);
    }
  }
}
