/**
 * The reader of the AgentStatus stream: tells the event bus and the subscribers who came and went, and
 * closes what was revoked.
 */

import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { DETAIL_TYPES, EVENT_SOURCE } from "../../core/names";
import { type DeliveryMessage, RESERVED, type Transition } from "../../core/protocol";
import { rowFromItem } from "../../core/status-row";
import type { HistoryStore } from "../history/store";
import type { MessageRouter } from "../messaging/message-router";
import { forEachConcurrently } from "../shared/concurrency";
import type { Connections } from "../shared/connections";
import type { Log } from "../shared/log";
import type { CountBy } from "../shared/metrics";
import { transitionBetween } from "./transition";

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
  messageRouter: Pick<MessageRouter, "publish">;
  history: Pick<HistoryStore, "add">;
  /** Counts what the bus has taken, by reason: a line of the log for each reason in an invocation. */
  count: CountBy;
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
    const reasons = new Map<Transition["reason"], number>();
    const batchItemFailures: StreamResult["batchItemFailures"] = [];
    for (const batch of batchesOf(pending)) {
      const taken = batch.slice(0, await tellBus(batch, deps));
      await tellSubscribers(taken, deps);
      for (const { transition } of taken) {
        reasons.set(transition.reason, (reasons.get(transition.reason) ?? 0) + 1);
      }
      const failed = batch[taken.length];
      if (failed) {
        batchItemFailures.push({ itemIdentifier: failed.sequenceNumber });
        break;
      }
    }
    for (const [reason, times] of reasons) deps.count("Transitions", { reason }, times);
    return { batchItemFailures };
  };
}

/**
 * Batches of which each has an agent once: the bus may take a later entry and refuse an earlier one, and an
 * agent's transitions must not be told in that order.
 */
function batchesOf(pending: Pending[]): Pending[][] {
  const batches: Pending[][] = [];
  let agents = new Set<string>();
  for (const one of pending) {
    const agent = agentOf(one.transition);
    const batch = batches.at(-1);
    if (!batch || batch.length === ENTRIES_PER_CALL || agents.has(agent)) {
      batches.push([one]);
      agents = new Set([agent]);
    } else {
      batch.push(one);
      agents.add(agent);
    }
  }
  return batches;
}

const agentOf = ({ organizationId, agentId }: Transition) => `${organizationId}#${agentId}`;

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
  { messageRouter, history, clock, log }: TransitionsDependencies,
): Promise<void> {
  await forEachConcurrently(batch, batch.length, async ({ transition }) => {
    const results = await Promise.allSettled([
      messageRouter.publish(transition.organizationId, messageOf(transition), clock()),
      history.add(transition),
    ]);
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      log.warn({ event: "subscribers_not_told", error: String(result.reason) });
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
