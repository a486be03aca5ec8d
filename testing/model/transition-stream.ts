/** Plays the stream to the transitions function, with a bus that fails now and then. */

import type { Transition } from "@agent-heartbeat/sdk/protocol";
import { transitionsHandler } from "../../lambda/transitions/handler";
import { LogRecorder } from "../presence";
import type { StreamRecord } from "./in-memory-table";

type Entry = { Detail: string };

/** The transitions of each agent as the bus got them, repetitions taken out. */
export async function tellAll(
  stream: StreamRecord[],
  fails: () => boolean,
): Promise<Transition[][]> {
  const told = new Map<string, Map<string, Transition>>();
  const handler = transitionsHandler({
    events: {
      send: async ({ input }: { input: { Entries: Entry[] } }) => ({
        Entries: input.Entries.map(({ Detail }) => {
          if (fails()) return { ErrorCode: "InternalFailure" };
          keep(JSON.parse(Detail) as Transition);
          return { EventId: "event" };
        }),
      }),
    } as never,
    eventBusName: "bus",
    connections: { close: async () => "done" },
    messageRouter: { publish: async () => 0 },
    history: { add: async () => undefined },
    count: () => undefined,
    clock: () => 0,
    log: new LogRecorder(),
  });

  function keep(transition: Transition): void {
    const agent = `${transition.organizationId}/${transition.agentId}`;
    const known = told.get(agent) ?? new Map<string, Transition>();
    // A Map keeps the place of the first telling.
    if (!known.has(transition.transitionId)) known.set(transition.transitionId, transition);
    told.set(agent, known);
  }

  let rest = stream;
  while (rest.length > 0) {
    const { batchItemFailures } = await handler({ Records: rest });
    const [failed] = batchItemFailures;
    const from = rest.findIndex(
      ({ dynamodb }) => dynamodb.SequenceNumber === failed?.itemIdentifier,
    );
    rest = from < 0 ? [] : rest.slice(from);
  }
  return [...told.values()].map((transitions) => [...transitions.values()]);
}
