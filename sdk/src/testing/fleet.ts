/** Who is online at the fake service: a row for each agent, and a transition for each change. */

import type { AgentPresence, OfflineReason, Transition } from "@agent-heartbeat/sdk/protocol";
import { fakePresence, fakeTransition } from "./presence";

export class FakeFleet {
  readonly agents = new Map<string, AgentPresence>();

  constructor(
    private readonly organizationId: string,
    private readonly now: () => number,
    private readonly publish: (transition: Transition) => void,
  ) {}

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
    if (known) this.agents.set(agentId, { ...known, ...fields });
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
