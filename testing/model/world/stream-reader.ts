/** The function that reads the table's stream, publishes transitions and closes connections. */

import type { Transition } from "../../../core/presence";
import { transitionsHandler } from "../../../lambda/transitions/handler";
import { LogRecorder } from "../../presence";
import type { StreamRecord } from "../in-memory-table";
import type { Agents } from "./agents";
import type { World } from "./world";

export class StreamReader {
  constructor(
    private readonly world: World,
    private readonly agents: Pick<Agents, "close">,
  ) {}

  /** The stream is read: all there is, or a part; the bus or the gateway may fail. */
  async read(detail: number): Promise<void> {
    const count = detail % 3 === 1 ? 1 : 10;
    const records = this.world.stream.slice(this.world.told, this.world.told + count);
    const fails = detail % 11 === 1;
    this.world.note(`the stream is read${fails ? ", and the bus fails" : ""}`);
    const taken = new Map<string, Transition>();
    const handler = transitionsHandler({
      events: {
        send: async ({ input }: { input: { Entries: { Detail: string }[] } }) => ({
          Entries: input.Entries.map(({ Detail }, index) => {
            if (fails && index === 0) return { ErrorCode: "InternalFailure" };
            const transition = JSON.parse(Detail) as Transition;
            taken.set(transition.transitionId, transition);
            return { EventId: "event" };
          }),
        }),
      } as never,
      eventBusName: "bus",
      connections: {
        post: async (connectionId, message) => {
          const connection = this.world.connectionOf(connectionId);
          if (connection?.state !== "open") {
            if (connection) connection.closeMissed = true;
            return "gone";
          }
          connection.told.push("code" in message ? message.code : message.type);
          return "done";
        },
        close: async (connectionId) => {
          const open = this.world.connectionOf(connectionId)?.state === "open";
          if (open) this.world.connectionOf(connectionId)?.told.push("closed");
          this.agents.close(connectionId);
          return open ? "done" : "gone";
        },
      },
      subscriptions: {
        removeConnection: async (connectionId) => {
          const connection = this.world.connectionOf(connectionId);
          if (connection) connection.subscribed = false;
        },
        connectionsOf: async () => [],
      },
      messageRouter: { publish: async () => ({ reached: 0, posts: 0, complete: true }) },
      answerFor: async () => undefined,
      history: { claim: async () => 0, add: async () => undefined },
      count: () => undefined,
      clock: () => this.world.now,
      log: new LogRecorder(),
    });
    const { batchItemFailures } = await handler({ Records: records.filter(passesFilter) });
    const [failed] = batchItemFailures;
    const at = records.findIndex(
      ({ dynamodb }) => dynamodb.SequenceNumber === failed?.itemIdentifier,
    );
    const told = at < 0 ? records : records.slice(0, at);
    this.world.told += told.length;
    // What the bus has taken after one that it refused is published again after that one: this time counts.
    for (const { eventID } of told) {
      const transition = taken.get(eventID);
      if (!transition) continue;
      this.world.transitions.set(eventID, transition);
      this.world.hasPublished = true;
    }
  }
}

/** What the filter of the stream lets through: see `lib/transitions.ts`. */
export function passesFilter({
  dynamodb: { OldImage = {}, NewImage = {} },
}: StreamRecord): boolean {
  const changed = (attribute: string) =>
    (OldImage[attribute] === undefined) !== (NewImage[attribute] === undefined);
  const [drained, drains] = [OldImage, NewImage].map(
    ({ activity }) => activity?.M?.state?.S === "draining",
  );
  const began = drains && !drained;
  return (
    changed("onlineSince") || changed("stalledSince") || began || NewImage.displacedAt !== undefined
  );
}
