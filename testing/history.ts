/** Stores transitions as the stream's function does. */

import type { Transition } from "../core/presence";
import type { HistoryStore } from "../lambda/history/store";

let changes = 0;

/** Claims a transition that nobody has claimed before, and stores it. */
export async function keep(store: HistoryStore, transition: Transition): Promise<void> {
  changes += 1;
  const position = { stream: "arn:stream", sequenceNumber: String(changes) };
  const count = await store.claim(transition, position);
  if (count === undefined) throw new Error(`transition ${transition.transitionId} was claimed`);
  await store.add(transition, count);
}
