/**
 * Reads the stream of the AgentStatus table: publishes transitions on the event bus and to subscribers, and ends
 * connections that lost their agent's row.
 */

import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { DETAIL_TYPES, EVENT_SOURCE } from "../../core/names";
import { agentToken, type DeliveryMessage, RESERVED, type Transition } from "../../core/protocol";
import type { StatusRow } from "../../core/status";
import { rowFromItem } from "../../core/status-row";
import type { HistoryStore } from "../history/store";
import { isLockedOut } from "../lease/standing";
import type { MessageRouter } from "../messaging/message-router";
import type { SubscriptionStore } from "../messaging/subscriptions";
import type { Connections } from "../shared/connections";
import type { Log } from "../shared/log";
import type { CountBy } from "../shared/metrics";
import { REVOKED, SUPERSEDED } from "../shared/replies";
import { type Displacement, displacements, locksOut, transitionBetween } from "./transition";

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
  connections: Pick<Connections, "post" | "close">;
  subscriptions: Pick<SubscriptionStore, "removeConnection" | "connectionsOf">;
  messageRouter: Pick<MessageRouter, "publish">;
  history: Pick<HistoryStore, "add">;
  /** Counts what the bus has taken, by reason: a line of the log for each reason in an invocation. */
  count: CountBy;
  clock: () => number;
  log: Log;
}

interface Pending {
  /** Undefined if the status did not change. */
  transition: Transition | undefined;
  displaced: Displacement[];
  /** The row, if this change locks somebody out. */
  lockedOut: StatusRow | undefined;
  agent: string;
  sequenceNumber: string;
}

/**
 * Publishes each transition on the bus at least once; a repetition has the same `transitionId`. After a failure the
 * stream is read again from the first record that was not published, which keeps the order of an agent's transitions.
 * Subscribers receive each at most once.
 */
export function transitionsHandler(deps: TransitionsDependencies) {
  return async ({ Records }: StreamEvent): Promise<StreamResult> => {
    const pending = Records.map(({ eventID, dynamodb }) => pendingOf(eventID, dynamodb)).filter(
      ({ transition, displaced, lockedOut }) => transition || displaced.length > 0 || lockedOut,
    );
    const reasons = new Map<Transition["reason"], number>();
    const batchItemFailures: StreamResult["batchItemFailures"] = [];
    for (const batch of batchesOf(pending)) {
      const settled = batch.slice(0, await settle(batch, deps));
      const taken = settled.slice(0, await publishToBus(settled, deps));
      const published = taken.flatMap(({ transition }) => transition ?? []);
      await notifySubscribers(published, deps);
      for (const transition of published) {
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
 * agent's transitions must not be published in that order.
 */
function batchesOf(pending: Pending[]): Pending[][] {
  const batches: Pending[][] = [];
  let agents = new Set<string>();
  for (const one of pending) {
    const { agent } = one;
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

function pendingOf(
  eventId: string,
  { OldImage, NewImage, SequenceNumber }: StreamEvent["Records"][0]["dynamodb"],
): Pending {
  const [before, after] = [OldImage, NewImage].map((image) => image && rowFromItem(image));
  const row = after ?? before;
  return {
    transition: transitionBetween(eventId, before, after),
    displaced: after ? displacements(before, after) : [],
    lockedOut: after && locksOut(before, after) ? after : undefined,
    agent: `${row?.organizationId}#${row?.agentId}`,
    sequenceNumber: SequenceNumber,
  };
}

/** Ends what lost the row. @returns for how many of a batch, from its beginning, that is done */
async function settle(batch: Pending[], deps: TransitionsDependencies): Promise<number> {
  const done = await Promise.allSettled(
    batch.map(async ({ displaced, lockedOut }) => {
      const listed = lockedOut ? await listedBefore(lockedOut, deps) : [];
      await Promise.all([...displaced, ...listed].map((lost) => displace(lost, deps)));
    }),
  );
  const failed = done.findIndex(({ status }) => status === "rejected");
  if (failed < 0) return batch.length;
  deps.log.warn({
    event: "displacement_failed",
    error: String((done[failed] as PromiseRejectedResult).reason),
  });
  return failed;
}

/** Connections of viewers and publishers that a lock-out ends, which no row lists. */
async function listedBefore(
  row: StatusRow,
  { subscriptions, clock }: TransitionsDependencies,
): Promise<Displacement[]> {
  const { organizationId, agentId } = row;
  const listed = await subscriptions.connectionsOf(organizationId, agentId, clock());
  return listed
    .filter((connection) => isLockedOut(row, connection))
    .map(({ connectionId }) => ({ connectionId, why: "revoked" }));
}

/** Messages stop at once; a superseded process may still answer, and is closed by whoever hears it or sweeps later. */
async function displace(
  { connectionId, why }: Displacement,
  { connections, subscriptions, log }: TransitionsDependencies,
): Promise<void> {
  await subscriptions.removeConnection(connectionId);
  try {
    if (why !== "replaced") {
      await connections.post(connectionId, why === "revoked" ? REVOKED : SUPERSEDED);
    }
  } catch (error) {
    // Its next message is answered with the same.
    log.warn({ event: "displaced_not_notified", connectionId, error: String(error) });
  }
  if (why !== "superseded") await connections.close(connectionId);
}

/** How many of a batch, from its beginning, the bus has taken. */
async function publishToBus(
  batch: Pending[],
  { events, eventBusName, log }: TransitionsDependencies,
): Promise<number> {
  const published = batch.flatMap(({ transition }) => transition ?? []);
  if (published.length === 0) return batch.length;
  try {
    const { Entries = [] } = await events.send(
      new PutEventsCommand({
        Entries: published.map((transition) => ({
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
    return batch.findIndex(({ transition }) => transition === published[index]);
  } catch (error) {
    log.warn({ event: "put_events_failed", error: String(error) });
    return 0;
  }
}

async function notifySubscribers(
  batch: Transition[],
  { messageRouter, history, clock, log }: TransitionsDependencies,
): Promise<void> {
  await Promise.all(
    batch.map(async (transition) => {
      const results = await Promise.allSettled([
        messageRouter.publish(transition.organizationId, messageOf(transition), clock()),
        history.add(transition),
      ]);
      for (const result of results) {
        if (result.status === "fulfilled") continue;
        log.warn({ event: "subscribers_not_notified", error: String(result.reason) });
      }
    }),
  );
}

function messageOf(transition: Transition): DeliveryMessage {
  return {
    type: "message",
    messageId: transition.transitionId,
    subject: `${RESERVED.presence}.${agentToken(transition.agentId)}`,
    data: transition,
    from: "service",
  };
}
