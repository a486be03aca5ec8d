/**
 * The reader of the AgentStatus stream: tells the event bus and the subscribers who came and went, and
 * closes what was revoked.
 */

import { type DeliveryMessage, RESERVED, type Transition } from "@agent-heartbeat/sdk/protocol";
import { rowFromItem } from "@agent-heartbeat/sdk/status";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import type { HistoryStore } from "./history/store";
import { transitionBetween } from "./lease/transition";
import type { PostOffice } from "./messaging/post-office";
import { DETAIL_TYPES, EVENT_SOURCE } from "./names";
import { forEachConcurrently } from "./shared/concurrency";
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

/** Agents whose subscribers are told at once; of one agent, one transition after the other. */
const CONCURRENCY = 16;

export interface TransitionsDependencies {
  events: Pick<EventBridgeClient, "send">;
  eventBusName: string;
  connections: Pick<Connections, "close">;
  postOffice: Pick<PostOffice, "publish">;
  history: Pick<HistoryStore, "add">;
  clock: () => number;
  log: Log;
}

interface Pending {
  transition: Transition;
  sequenceNumber: string;
}

/**
 * Each transition is told to the bus at least once; a repetition has the same `transitionId`. After a
 * failure the stream comes again from the first record that was not told, so that an agent's order is
 * kept. Subscribers are told at most once.
 */
export function transitionsHandler(deps: TransitionsDependencies) {
  return async ({ Records }: StreamEvent): Promise<StreamResult> => {
    const pending = Records.flatMap(({ eventID, dynamodb }): Pending[] => {
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
      const told = await tellBus(batch, deps);
      await tellSubscribers(batch.slice(0, told), deps);
      const failed = batch[told];
      if (failed) return { batchItemFailures: [{ itemIdentifier: failed.sequenceNumber }] };
    }
    return { batchItemFailures: [] };
  };
}

/** How many of a batch, from its beginning, the bus has taken. */
async function tellBus(
  batch: Pending[],
  { events, eventBusName, connections, log }: TransitionsDependencies,
): Promise<number> {
  try {
    for (const { transition } of batch) {
      if (transition.reason === "revoked") await connections.close(transition.connectionId);
    }
    const { Entries = [] } = await events.send(
      new PutEventsCommand({
        Entries: batch.map(({ transition }) => ({
          EventBusName: eventBusName,
          Source: EVENT_SOURCE,
          DetailType: DETAIL_TYPES[transition.event],
          Time: new Date(transition.at),
          Detail: JSON.stringify(transition),
        })),
      }),
    );
    const index = Entries.findIndex((entry) => entry.ErrorCode !== undefined);
    if (index < 0) return batch.length;
    log.warn({ event: "put_events_refused", error: Entries[index] });
    return index;
  } catch (error) {
    log.warn({ event: "put_events_failed", error: String(error) });
    return 0;
  }
}

async function tellSubscribers(
  batch: Pending[],
  { postOffice, history, clock, log }: TransitionsDependencies,
): Promise<void> {
  const byAgent = new Map<string, Transition[]>();
  for (const { transition } of batch) {
    const agent = `${transition.organizationId}#${transition.agentId}`;
    byAgent.set(agent, [...(byAgent.get(agent) ?? []), transition]);
  }
  await forEachConcurrently([...byAgent.values()], CONCURRENCY, async (transitions) => {
    for (const transition of transitions) {
      const results = await Promise.allSettled([
        postOffice.publish(transition.organizationId, messageOf(transition), clock()),
        history.add(transition),
      ]);
      for (const result of results) {
        if (result.status === "fulfilled") continue;
        log.warn({ event: "subscribers_not_told", error: String(result.reason) });
      }
    }
  });
}

function messageOf(transition: Transition): DeliveryMessage {
  return {
    type: "message",
    messageId: transition.transitionId,
    subject: `${RESERVED.presence}.${transition.agentId}`,
    data: transition,
    from: "service",
  };
}
