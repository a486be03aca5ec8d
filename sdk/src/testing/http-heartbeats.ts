/** The fake service's HTTP endpoint: `POST /heartbeat` and `DELETE /heartbeat`. */

import type { Activity, HeartbeatAckMessage, LoginClaims } from "@agent-heartbeat/sdk/protocol";
import type { FakeConnection } from "./connection";
import type { FakeFleet } from "./fleet";
import { readToken } from "./login";

/** A heartbeat over HTTP, or a process that leaves, as far as it could be read. */
export interface HttpRequest {
  method: string;
  /** The path, with its query. */
  path: string;
  token: string;
  /** The token's header; empty if it can't be read. */
  header: Readonly<Record<string, unknown>>;
  /** The token's claims; empty if they can't be read. */
  claims: Readonly<Partial<LoginClaims>>;
  /** What the heartbeat says of the agent. */
  activity: Activity | undefined;
}

export interface HttpResponse {
  status: number;
  headers?: Readonly<Record<string, string>> | undefined;
  body?: object | undefined;
}

export function readRequest(
  method: string,
  path: string,
  authorization: string,
  body: string,
): HttpRequest {
  const token = /^bearer +(\S+)$/i.exec(authorization)?.[1] ?? "";
  return { method, path, ...readToken(token), activity: activityIn(body) };
}

function activityIn(body: string): Activity | undefined {
  try {
    return JSON.parse(body || "{}").activity;
  } catch {
    return undefined;
  }
}

export interface HttpScene {
  fleet: FakeFleet;
  /** Epoch milliseconds. */
  now: number;
  /** The open connections of the agent. */
  open: readonly FakeConnection[];
}

/** Answers as the service does, which takes an agent's tokens in the order in which they were made. */
export class HttpHeartbeatDoor {
  readonly #issuedAt = new Map<string, number>();
  /** Processes that have lost their agent to a newer one. */
  readonly #superseded = new Set<string>();

  answer(request: HttpRequest, { fleet, now, open }: HttpScene): HttpResponse {
    const { method, path, claims } = request;
    const { sub = "", instance_id: instanceId = "", iat = 0, on_duplicate: policy } = claims;
    if (path.split("?")[0] !== "/heartbeat") return refusal(404, "There is nothing at this path");
    if (iat <= (this.#issuedAt.get(sub) ?? 0)) return refusal(403, "The token is not accepted");
    const held = fleet.list().find(({ agentId }) => agentId === sub);
    const isHolder = held?.instanceId === instanceId;
    if (method === "DELETE") {
      if (open.some((connection) => connection.instanceId === instanceId)) {
        return refusal(409, "A WebSocket of the process is open: close it to leave", "connected");
      }
      this.#issuedAt.set(sub, iat);
      const isDrained = path.includes("reason=drained");
      if (isHolder) fleet.offline(sub, isDrained ? "drained" : "client_closed");
      return { status: 204 };
    }
    if (held?.status === "online" && !isHolder) {
      if (this.#superseded.has(instanceId) || open.some((other) => isOlder(other, instanceId))) {
        return refusal(409, "A newer process of the agent holds the lease", "superseded");
      }
      if (policy === "reject") {
        return refusal(409, "Another process of the agent holds the lease", "duplicate");
      }
    }
    this.#issuedAt.set(sub, iat);
    return this.#renew(request, fleet, now, open);
  }

  #renew(
    { claims, activity }: HttpRequest,
    fleet: FakeFleet,
    now: number,
    open: readonly FakeConnection[],
  ): HttpResponse {
    const { sub = "", instance_id: instanceId = "" } = claims;
    const { heartbeat_interval: interval = 30, heartbeat_timeout: timeout = 90 } = claims;
    const held = fleet.list().find(({ agentId }) => agentId === sub);
    const leaseExpiresAt = now + timeout * 1000;
    const fields = { lastHeartbeatAt: now, leaseExpiresAt, activity: activity ?? null };
    if (held?.status === "online" && held.instanceId === instanceId) fleet.update(sub, fields);
    else {
      if (held?.instanceId) this.#superseded.add(held.instanceId);
      fleet.supersede(open.filter((connection) => connection.instanceId !== instanceId));
      const terms = { leaseMs: timeout * 1000, heartbeatIntervalMs: interval * 1000 };
      fleet.online(sub, { ...fields, ...terms, instanceId, connectedAt: now });
    }
    const ack: HeartbeatAckMessage = { type: "heartbeat_ack", serverTime: now, leaseExpiresAt };
    return { status: 200, body: ack };
  }
}

/** Whether a process had its WebSocket before it lost the agent. */
const isOlder = (connection: FakeConnection, instanceId: string) =>
  connection.superseded && connection.instanceId === instanceId;

const refusal = (status: number, message: string, type?: string): HttpResponse => ({
  status,
  body: { ...(type && { type }), message },
});
