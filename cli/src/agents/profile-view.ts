/** How an agent's profile is shown. */

import type { Profile } from "@agent-heartbeat/sdk/status";

/** What the agent says of itself, where it has said anything. */
export function profileFields(profile: Profile | null | undefined): (readonly [string, string])[] {
  if (!profile) return [];
  const { capabilities, metadata } = profile;
  return [
    ...(capabilities.length > 0 ? [["capabilities", capabilities.join(", ")] as const] : []),
    ...(Object.keys(metadata).length > 0 ? [["metadata", JSON.stringify(metadata)] as const] : []),
  ];
}
