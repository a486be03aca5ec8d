/** The reader of the AgentStatus stream: tells the event bus who came and went, and closes what was revoked. */

import { rowFromItem } from "@agent-heartbeat/sdk/status";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { EVENT_SOURCE, OFFLINE_DETAIL_TYPE, ONLINE_DETAIL_TYPE } from "./events";
import { type Transition, transitionBetween } from "./lease/transition";
import type { Connections } from "./shared/connections";
import type { Log } from "./shared/log";

/** PutEvents takes at most ten entries. */
const ENTRIES_PER_CALL = 10;

export interface StreamEvent {
  Records: {
    eventID: string;
    dynamodb: {
      SequenceNumber: string;
      OldImage?: Record<string, AttributeValue>;
      NewImage?: Record<string, AttributeValue>;
    };
  }[];
}

export interface StreamResult {
  batchItemFailures: { itemIdentifier: string }[];
}

export interface TransitionsDependencies {
  events: Pick<EventBridgeClient, "send">;
  eventBusName: string;
  connections: Pick<Connections, "close">;
  log: Log;
}

/**
 * Each transition is told at least once; a repetition has the same `transitionId`. After a failure the
 * stream comes again from the first record that was not told, so that an agent's order is kept.
 */
export function transitionsHandler(deps: TransitionsDependencies) {
  return async ({ Records }: StreamEvent): Promise<StreamResult> => {
    const pending = Records.flatMap(({ eventID, dynamodb }) => {
      const { OldImage, NewImage, SequenceNumber } = dynamodb;
      const transition = transitionBetween(
        eventID,
        OldImage && rowFromItem(OldImage),
        NewImage && rowFromItem(NewImage),
      );
      return transition ? [{ transition, sequenceNumber: SequenceNumber }] : [];
    });
    for (let start = 0; start < pending.length; start += ENTRIES_PER_CALL) {
      const batch = pending.slice(start, start + ENTRIES_PER_CALL);
      const failed = await firstFailure(batch, deps);
      if (failed) return { batchItemFailures: [{ itemIdentifier: failed }] };
    }
    return { batchItemFailures: [] };
  };
}

/** The sequence number of the first record of a batch that must come again. */
async function firstFailure(
  batch: { transition: Transition; sequenceNumber: string }[],
  { events, eventBusName, connections, log }: TransitionsDependencies,
): Promise<string | undefined> {
  try {
    for (const { transition } of batch) {
      if (transition.reason === "revoked") await connections.close(transition.connectionId);
    }
    const { Entries = [] } = await events.send(
      new PutEventsCommand({
        Entries: batch.map(({ transition }) => ({
          EventBusName: eventBusName,
          Source: EVENT_SOURCE,
          DetailType: transition.status === "online" ? ONLINE_DETAIL_TYPE : OFFLINE_DETAIL_TYPE,
          Time: new Date(transition.at),
          Detail: JSON.stringify(transition),
        })),
      }),
    );
    const index = Entries.findIndex((entry) => entry.ErrorCode !== undefined);
    if (index < 0) return undefined;
    log.warn({ event: "put_events_refused", error: Entries[index] });
    return batch[index]?.sequenceNumber;
  } catch (error) {
    log.warn({ event: "put_events_failed", error: String(error) });
    return batch[0]?.sequenceNumber;
  }
}
