/**
 * Reads the stream of the AgentStatus table: publishes transitions on the event bus and to subscribers, and ends
 * connections that lost their agent's row.
 */

import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { SERVICE_SENDER } from "../../core/agent-id";
import { EVENT_DETAIL_TYPES, EVENT_SOURCE } from "../../core/events";
import type { Transition } from "../../core/presence";
import type { DeliveryMessage } from "../../core/protocol";
import type { StatusRow } from "../../core/status";
import { rowFromItem } from "../../core/status-row";
import { agentToken, RESERVED } from "../../core/subject";
import type { HistoryStore, StreamPosition } from "../history/store";
import { isLockedOut } from "../lease/standing";
import type { MessageRouter } from "../messaging/message-router";
import type { SubscriptionStore } from "../messaging/subscriptions";
import type { Connections, Outcome } from "../shared/connections";
import type { Log } from "../shared/log";
import type { CountBy } from "../shared/metrics";
import { REVOKED, SUPERSEDED } from "../shared/replies";
import { before, byAgent, lanesOf, type OfAgent } from "./lanes";
import type { Loss } from "./lost-requests";
import { type Displacement, displacements, locksOut, transitionBetween } from "./transition";

/** PutEvents takes at most ten entries. */
const ENTRIES_PER_CALL = 10;

/** How long an invocation notifies subscribers: its time is for the bus first. */
const NOTIFYING_MS = 12_000;

/** From this age on a change is published though its connections could not be ended: others wait behind it. */
const DISPLACING_MS = 5 * 60_000;

export interface StreamEvent {
  Records: {
    eventID: string;
    /** Of the stream. */
    eventSourceARN?: string;
    dynamodb: {
      SequenceNumber: string;
      /** In seconds. */
      ApproximateCreationDateTime?: number;
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
  /** Answers for processes that are lost: see `lostRequests`. It does not fail. */
  answerFor: (loss: Loss) => Promise<void>;
  history: Pick<HistoryStore, "claim" | "add">;
  /** Counts what the bus has taken, by reason: a line of the log for each reason in an invocation. */
  count: CountBy;
  clock: () => number;
  log: Log;
}

interface Pending extends OfAgent {
  eventID: string;
  /** As of this change. */
  row: StatusRow | undefined;
  /** Undefined if the status did not change. */
  transition: Transition | undefined;
  displaced: Displacement[];
  /** The row, if this change is a lock-out. */
  lockedOut: StatusRow | undefined;
  position: StreamPosition;
  createdAt: number;
}

/** One invocation. */
interface Run extends TransitionsDependencies {
  /** Until when subscribers are notified. */
  notifyUntil: number;
}

/**
 * Publishes each transition on the bus at least once; a repetition has the same `transitionId`. The changes of an agent
 * are handled in their order, those of several agents at the same time. After a failure the stream is read again from
 * the first record that was not published. Subscribers receive each transition at most once, however often it is read.
 */
export function transitionsHandler(deps: TransitionsDependencies) {
  return async ({ Records }: StreamEvent): Promise<StreamResult> => {
    const pending = Records.map(pendingOf).filter(
      ({ transition, displaced, lockedOut }) => transition || displaced.length > 0 || lockedOut,
    );
    const run: Run = { ...deps, notifyUntil: deps.clock() + NOTIFYING_MS };
    const lanes = await Promise.all(
      lanesOf(pending, ENTRIES_PER_CALL).map((lane) => handleLane(lane, run)),
    );
    const handled = new Set(lanes.flat());
    const reasons = new Map<Transition["reason"], number>();
    for (const { transition } of handled) {
      // A drain is counted when it ends, as `drained`.
      if (!transition || transition.event === "draining") continue;
      reasons.set(transition.reason, (reasons.get(transition.reason) ?? 0) + 1);
    }
    for (const [reason, times] of reasons) deps.count("Transitions", { reason }, times);
    // In the order of the stream, not of the lanes: Lambda takes everything before it as done.
    const failed = pending.find((one) => !handled.has(one));
    return {
      batchItemFailures: failed ? [{ itemIdentifier: failed.position.sequenceNumber }] : [],
    };
  };
}

/** Handles a lane up to the first call in which something fails. @returns what was handled */
async function handleLane(lane: Pending[], run: Run): Promise<Pending[]> {
  const handled: Pending[] = [];
  for (let start = 0; start < lane.length; start += ENTRIES_PER_CALL) {
    const batch = lane.slice(start, start + ENTRIES_PER_CALL);
    const settled = before(batch, await settle(batch, run));
    const taken = before(settled, await publishToBus(settled, run));
    await Promise.all(byAgent(taken).map((changes) => notifySubscribers(changes, run)));
    handled.push(...taken);
    if (taken.length < batch.length) break;
  }
  return handled;
}

function pendingOf({ eventID, eventSourceARN = "", dynamodb }: StreamEvent["Records"][0]): Pending {
  const { OldImage, NewImage, SequenceNumber, ApproximateCreationDateTime = 0 } = dynamodb;
  const [before, after] = [OldImage, NewImage].map((image) => image && rowFromItem(image));
  const row = after ?? before;
  return {
    eventID,
    row,
    transition: transitionBetween(eventID, before, after),
    displaced: after ? displacements(before, after) : [],
    lockedOut: after && locksOut(before, after) ? after : undefined,
    agent: `${row?.organizationId}#${row?.agentId}`,
    position: { stream: eventSourceARN, sequenceNumber: SequenceNumber },
    createdAt: ApproximateCreationDateTime * 1000,
  };
}

/** Ends what lost the row. @returns those of a batch for which that failed, and is to be tried again */
async function settle(batch: Pending[], run: Run): Promise<Set<Pending>> {
  const failed = new Set<Pending>();
  await Promise.all(
    batch.map(async (one) => {
      try {
        const listed = one.lockedOut ? await listedBefore(one.lockedOut, run) : [];
        const outcomes = await Promise.all(
          [...one.displaced, ...listed].map((lost) => displace(lost, run)),
        );
        if (outcomes.includes("gone")) await answerForOlder(one, run);
      } catch (error) {
        const givenUp = !one.lockedOut && run.clock() - one.createdAt > DISPLACING_MS;
        const { agent } = one;
        run.log.warn({ event: "displacement_failed", agent, givenUp, error: String(error) });
        // Its next message is refused anyway.
        if (givenUp) run.count("DisplacementsFailed", { step: "given up" }, 1);
        else failed.add(one);
      }
    }),
  );
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

/** Messages stop at once; a superseded process may still answer, and is closed with its next message or by the sweep. */
async function displace(
  { connectionId, why }: Displacement,
  { connections, subscriptions, log }: TransitionsDependencies,
): Promise<Outcome | undefined> {
  await subscriptions.removeConnection(connectionId);
  let outcome: Outcome | undefined;
  try {
    if (why !== "replaced") {
      outcome = await connections.post(connectionId, why === "revoked" ? REVOKED : SUPERSEDED);
    }
  } catch (error) {
    // Its next message is answered with the same.
    log.warn({ event: "displaced_not_notified", connectionId, error: String(error) });
  }
  if (why !== "superseded") await connections.close(connectionId);
  return outcome;
}

/** A process that has gone while a newer one took its place is not reported as offline. */
async function answerForOlder({ row, eventID }: Pending, run: Run): Promise<void> {
  if (!row) return;
  await run.answerFor({
    ...row,
    isLost: (instanceId) => instanceId !== row.instanceId,
    id: eventID,
    why: "was restarted",
    until: run.notifyUntil,
  });
}

/** @returns those of a batch that the bus has not taken */
async function publishToBus(
  batch: Pending[],
  { events, eventBusName, log }: Run,
): Promise<Set<Pending>> {
  const published = batch.filter(({ transition }) => transition !== undefined);
  if (published.length === 0) return new Set();
  try {
    const { Entries = [] } = await events.send(
      new PutEventsCommand({
        Entries: published.flatMap(({ transition }) =>
          transition
            ? {
                EventBusName: eventBusName,
                Source: EVENT_SOURCE,
                DetailType: EVENT_DETAIL_TYPES[transition.event],
                Time: new Date(transition.at),
                Detail: JSON.stringify(transition),
              }
            : [],
        ),
      }),
    );
    const refused = published.filter((_, index) => Entries[index]?.ErrorCode !== undefined);
    const [first] = refused;
    if (first) {
      log.warn({ event: "put_events_refused", error: Entries[published.indexOf(first)] });
    }
    return new Set(refused);
  } catch (error) {
    log.warn({ event: "put_events_failed", error: String(error) });
    return new Set(published);
  }
}

/** Tells subscribers of an agent's changes, in their order, and stores them. What fails is logged: it is not repeated. */
async function notifySubscribers(changes: Pending[], run: Run): Promise<void> {
  const { messageRouter, history, clock, log, notifyUntil } = run;
  const warn = (error: unknown) =>
    log.warn({ event: "subscribers_not_notified", error: String(error) });
  const stored: Promise<void>[] = [];
  for (const { transition, position } of changes) {
    if (!transition) continue;
    try {
      const count = await history.claim(transition, position);
      // An earlier run has notified them, or has failed in doing so.
      if (count === undefined) continue;
      stored.push(history.add(transition, count).catch(warn));
      if (clock() >= notifyUntil) warn("no time is left");
      else await messageRouter.publish(transition.organizationId, messageOf(transition), clock());
      if (transition.event === "offline") await answerForOffline(transition, run);
    } catch (error) {
      warn(error);
    }
  }
  await Promise.all(stored);
}

async function answerForOffline(transition: Transition, run: Run): Promise<void> {
  const { organizationId, agentId, instanceId, lastHeartbeatAt, transitionId, reason } = transition;
  await run.answerFor({
    organizationId,
    agentId,
    isLost: (of) => of === instanceId,
    lastHeartbeatAt,
    id: transitionId,
    why: `went offline (${reason})`,
    until: run.notifyUntil,
  });
}

function messageOf(transition: Transition): DeliveryMessage {
  return {
    type: "message",
    messageId: transition.transitionId,
    subject: `${RESERVED.presence}.${agentToken(transition.agentId)}`,
    data: transition,
    from: SERVICE_SENDER,
  };
}
