/** Publishes the events of a mass expiry on the event bus. */

import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { EVENT_DETAIL_TYPES, EVENT_SOURCE, type EventDetailType } from "../../core/events";
import type { MassExpiryEvent } from "./self-preservation";

const DETAIL_TYPES: Readonly<Record<MassExpiryEvent["event"], EventDetailType>> = {
  suspected: EVENT_DETAIL_TYPES.massExpirySuspected,
  ended: EVENT_DETAIL_TYPES.massExpiryEnded,
};

/** @throws Error from a call if the bus does not take the event */
export function massExpiryPublisher(
  events: Pick<EventBridgeClient, "send">,
  EventBusName: string,
): (event: MassExpiryEvent) => Promise<void> {
  return async (event) => {
    const { Entries = [] } = await events.send(
      new PutEventsCommand({
        Entries: [
          {
            EventBusName,
            Source: EVENT_SOURCE,
            DetailType: DETAIL_TYPES[event.event],
            Detail: JSON.stringify(event),
          },
        ],
      }),
    );
    const [{ ErrorCode, ErrorMessage } = {}] = Entries;
    if (ErrorCode) throw new Error(`the bus refused the event: ${ErrorCode}: ${ErrorMessage}`);
  };
}
