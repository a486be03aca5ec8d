/** The `profile` route: stores an agent's capabilities and metadata, and lists its connections by capability. */

import { MessageError, parseProfile } from "../../core/client-messages";
import { LIMITS } from "../../core/limits";
import type { Profile } from "../../core/presence";
import type { CapableAgents } from "../messaging/capable-agents";
import type { AgentLocator } from "../messaging/message-router";
import type { Identity } from "../shared/identity";
import { echo, type GuardedDependencies, guardedRoute, reply } from "../shared/message-route";
import type { ProfileStore } from "./store";

export interface ProfileDependencies extends GuardedDependencies {
  profiles: Pick<ProfileStore, "put">;
  capable: Pick<CapableAgents, "add" | "remove">;
  agents: Pick<AgentLocator, "locate">;
}

/**
 * This writes the profile first and looks at the row then; a connection that logs in writes the row first and reads the profile
 * then: one of the two sees the other.
 */
export function profileHandler({ profiles, capable, agents, ...route }: ProfileDependencies) {
  return guardedRoute("profile", route, async (event, identity) => {
    const { capabilities = [], metadata = {}, id } = parseProfile(event.body);
    const profile: Profile = { capabilities, metadata };
    const bytes = Buffer.byteLength(JSON.stringify(profile));
    if (bytes > LIMITS.profileBytes) {
      const expected = `capabilities and metadata: expected at most ${LIMITS.profileBytes} bytes`;
      throw new MessageError("invalid_message", `${expected}, got ${bytes}`, id);
    }
    const before = await profiles.put(identity, profile);
    if (before) await list(identity, capabilities, before, event.requestContext.requestTimeEpoch);
    return reply({ type: "profile_ack", ...echo(id) });
  });

  /** With all connections of the agent's process, of which it has several while it moves from one to another. */
  async function list(identity: Identity, given: string[], before: string[], now: number) {
    const { organizationId, agentId, registeredUntil } = identity;
    const gone = before.filter((each) => !given.includes(each));
    if (given.length + gone.length === 0) return;
    const located = await agents.locate(organizationId, agentId, now);
    const { instanceId = "", connections = [] } = located ?? {};
    for (const connectionId of connections) {
      const connection = { organizationId, agentId, instanceId, connectionId, registeredUntil };
      await Promise.all([capable.add(connection, given, now), capable.remove(connection, gone)]);
    }
  }
}
