/** Who is online at the fake service: a row for each agent, and a transition for each change. */

import type { AgentPresence, OfflineReason, Transition } from "@agent-heartbeat/sdk/protocol";
import type { ConnectionClose, FakeConnection } from "./connection";
import { fakePresence, fakeTransition } from "./presence";

export class FakeFleet {
  readonly agents = new Map<string, AgentPresence>();

  constructor(
    private readonly organizationId: string,
    private readonly now: () => number,
    private readonly publish: (transition: Transition) => void,
  ) {}

  /** An agent has connected: a newer process takes over from an older one. @param others its open connections */
  acquire(connection: FakeConnection, others: readonly FakeConnection[]): void {
    const { agentId, instanceId, connectionId, login } = connection;
    const older = others.filter((other) => other.instanceId !== instanceId);
    this.supersede(older);
    const { heartbeat_interval: interval = 30, heartbeat_timeout: timeout = 90 } = login.claims;
    const now = this.now();
    const fields = {
      leaseMs: timeout * 1000,
      leaseExpiresAt: now + timeout * 1000,
      heartbeatIntervalMs: interval * 1000,
      connectionId,
      instanceId,
      connectedAt: now,
      lastHeartbeatAt: now,
    };
    if (older.length < others.length) this.update(agentId, fields);
    else this.online(agentId, fields);
  }

  /** The processes of these connections have lost their agent. */
  supersede(connections: readonly FakeConnection[]): void {
    for (const other of connections.filter(({ superseded }) => !superseded)) {
      other.send({ type: "superseded" });
      other.superseded = true;
    }
  }

  /** A connection has ended: the last one of the process that holds the agent takes it offline. */
  release(
    { agentId, instanceId }: FakeConnection,
    { code, reason }: ConnectionClose,
    others: readonly FakeConnection[],
  ): void {
    const held = this.agents.get(agentId);
    if (held?.instanceId !== instanceId) return;
    if (others.some((other) => other.instanceId === instanceId)) return;
    const isDrained = held.activity?.state === "draining" || reason === "drained";
    const how = code === 1006 ? "connection_lost" : "client_closed";
    this.offline(agentId, isDrained ? "drained" : how);
  }

  online(agentId: string, fields: Partial<AgentPresence>): void {
    const previous = this.agents.get(agentId);
    const profile = previous?.profile === undefined ? {} : { profile: previous.profile };
    const presence = fakePresence(agentId, { ...profile, ...fields }, this.now());
    this.#change(presence, previous, "online", "connected");
  }

  /** Does nothing if the agent is not online. */
  offline(agentId: string, reason: OfflineReason): void {
    const previous = this.agents.get(agentId);
    if (previous?.status !== "online") return;
    const ended = { status: "offline", reason, since: this.now(), stalledSince: null } as const;
    this.#change({ ...previous, ...ended }, previous, "offline", reason);
  }

  /** Takes what a heartbeat or a profile says. */
  update(agentId: string, fields: Partial<AgentPresence>): void {
    const known = this.agents.get(agentId);
    if (!known) return;
    const changed = { ...known, ...fields };
    if (drains(changed) && !drains(known))
      this.#change(changed, known, "draining", "drain_started");
    else this.agents.set(agentId, changed);
  }

  /** @param stalledSince null if the work advances again */
  stall(agentId: string, stalledSince: number | null): void {
    const previous = this.agents.get(agentId);
    if (previous?.status !== "online") return;
    const event = stalledSince === null ? "recovered" : "stalled";
    const reason = stalledSince === null ? "progress" : "no_progress";
    this.#change({ ...previous, stalledSince }, previous, event, reason);
  }

  /** As readers see them, in the order of their ids: offline from the end of the lease on. */
  list(): AgentPresence[] {
    const now = this.now();
    return [...this.agents.values()]
      .sort((a, b) => (a.agentId < b.agentId ? -1 : 1))
      .map((presence) => {
        const { status, leaseExpiresAt: since } = presence;
        if (status === "offline" || now < since) return presence;
        return { ...presence, status: "offline", reason: "lease_expired", since };
      });
  }

  #change(
    presence: AgentPresence,
    previous: AgentPresence | undefined,
    event: Transition["event"],
    reason: Transition["reason"],
  ): void {
    this.agents.set(presence.agentId, presence);
    const { reason: _, profile: __, ...shown } = presence;
    const { organizationId } = this;
    const previousStatus = previous?.status ?? null;
    const change = { ...shown, organizationId, previousStatus, event, reason };
    this.publish(fakeTransition(presence.agentId, change, this.now()));
  }
}

const drains = ({ status, activity }: AgentPresence) =>
  status === "online" && activity?.state === "draining";
