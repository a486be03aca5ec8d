/** What the fake service answers to each message of a client. */

import {
  type Activity,
  DIRECT_SUBJECT,
  type ErrorCode,
  isPattern,
  isSubject,
  LIMITS,
  type ListMessage,
  PERMISSIONS,
  type ProfileMessage,
  type PublishMessage,
  type Role,
} from "@agent-heartbeat/sdk/protocol";
import { traceOf } from "../../../core/trace-context";
import type { FakeConnection, SentMessage } from "./connection";
import type { FakeFleet } from "./fleet";
import type { FakeMessage } from "./remote-agent";

/** A message that a client has published. */
export interface Published extends FakeMessage {
  /** How many processes it reached. */
  reached: number;
}

interface Scene {
  role: Role;
  connection: FakeConnection;
  fleet: FakeFleet;
  /** Epoch milliseconds. */
  now: number;
  /** @returns how many processes it reached */
  publish(message: Omit<FakeMessage, "from">): number;
}

/** @returns undefined for no answer */
export function replyTo(message: SentMessage, scene: Scene): object | undefined {
  const { connection, fleet, now } = scene;
  const { type, subject } = message;
  const { agentId } = connection;
  if (!(PERMISSIONS.agent as readonly string[]).includes(type)) {
    return fault("unknown_type", `expected a type of message, got ${type}`);
  }
  if (!(PERMISSIONS[scene.role] as readonly string[]).includes(type)) {
    return fault("forbidden", `expected a message that a ${scene.role} may send, got ${type}`);
  }
  switch (type) {
    case "heartbeat":
    case "heartbeat_quiet": {
      const leaseExpiresAt = now + (fleet.agents.get(agentId)?.leaseMs ?? 90_000);
      const activity = (message.activity ?? null) as Activity | null;
      if (!connection.superseded) {
        fleet.update(agentId, { lastHeartbeatAt: now, leaseExpiresAt, activity });
      }
      return type === "heartbeat"
        ? { type: "heartbeat_ack", serverTime: now, leaseExpiresAt }
        : undefined;
    }
    case "subscribe":
      if (!isPattern(String(subject))) return fault("invalid_message", "expected a pattern");
      if (message.group !== undefined && scene.role !== "agent") {
        return fault("forbidden", "group: expected none, got one");
      }
      connection.subscriptions.add(subscription(message));
      return { type: "subscribed", subject };
    case "unsubscribe":
      connection.subscriptions.delete(subscription(message));
      return { type: "unsubscribed", subject };
    case "profile": {
      const { capabilities = [], metadata = {} } = message as unknown as ProfileMessage;
      fleet.update(agentId, { profile: { capabilities, metadata } });
      return { type: "profile_ack" };
    }
    case "publish":
      return published(message, scene);
    case "list":
      return page(message, fleet, now);
    default:
      return { type: "history", agentId: message.agentId, transitions: [], counts: [] };
  }
}

function published(message: SentMessage, { publish }: Scene): object {
  const {
    subject = DIRECT_SUBJECT,
    data = null,
    to,
    capability,
    replyTo,
    expiresInMs,
    attempt,
    ...rest
  } = message as unknown as PublishMessage;
  if (!isSubject(subject)) return fault("invalid_message", "expected a subject");
  if (subject.startsWith("presence.")) {
    return fault("forbidden", "expected a subject that is not reserved, got one of the service");
  }
  if (capability !== undefined && (to !== undefined || subject.startsWith("_inbox."))) {
    return fault("invalid_message", "capability: expected none beside an agent, got both");
  }
  const request = { replyTo, expiresInMs, attempt };
  const reached = publish({ subject, data, to, capability, ...request, ...traceOf(rest) });
  return { type: "published", subject, reached };
}

function page(message: SentMessage, fleet: FakeFleet, now: number): object {
  const {
    status,
    cursor,
    limit = LIMITS.listPageSize,
    profiles,
  } = message as unknown as ListMessage;
  const all = fleet
    .list()
    .filter((agent) => !status || agent.status === status)
    .filter(({ agentId }) => !cursor || agentId > cursor);
  const agents = all
    .slice(0, limit)
    .map(({ profile = null, ...agent }) => (profiles ? { ...agent, profile } : agent));
  const next = all.length > agents.length ? agents.at(-1)?.agentId : undefined;
  return { type: "agents", agents, cursor: next ?? null, serverTime: now };
}

/** As `FakeConnection.subscriptions` names it. */
const subscription = ({ subject, group }: SentMessage) =>
  group === undefined ? String(subject) : `${subject} ${group}`;

const fault = (code: ErrorCode, message: string) => ({ type: "error", code, message });
