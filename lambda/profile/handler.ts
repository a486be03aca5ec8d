/** The `profile` route: stores an agent's capabilities and metadata. */

import { MessageError, parseProfile } from "../../core/client-messages";
import { LIMITS, type Profile } from "../../core/protocol";
import { echo, type GuardedDependencies, guardedRoute, reply } from "../shared/message-route";
import type { ProfileStore } from "./store";

export interface ProfileDependencies extends GuardedDependencies {
  profiles: Pick<ProfileStore, "put">;
}

export function profileHandler({ profiles, ...route }: ProfileDependencies) {
  return guardedRoute("profile", route, async (event, identity) => {
    const { capabilities = [], metadata = {}, id } = parseProfile(event.body);
    const profile: Profile = { capabilities, metadata };
    const bytes = Buffer.byteLength(JSON.stringify(profile));
    if (bytes > LIMITS.profileBytes) {
      const expected = `capabilities and metadata: expected at most ${LIMITS.profileBytes} bytes`;
      throw new MessageError("invalid_message", `${expected}, got ${bytes}`, id);
    }
    await profiles.put(identity, profile);
    return reply({ type: "profile_ack", ...echo(id) });
  });
}
