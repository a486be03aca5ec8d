/** Maps the fragment of the address to the view to show. */

import { HEALTHS, type Health } from "../fleet/health";

export type Route =
  | { view: "fleet"; filter: Health[] }
  | { view: "agent"; agentId: string }
  | { view: "trends" }
  | { view: "events" };

/** The fragment of each view. */
export const HREFS = {
  fleet: "#/",
  trends: "#/trends",
  events: "#/events",
  /** The fleet, filtered by health. */
  fleetOf: (...healths: Health[]) => `#/?status=${healths.join(",")}`,
  agent: (agentId: string) => `#/agents/${encodeURIComponent(agentId)}`,
} as const;

export function routeOf(fragment: string): Route {
  const [, agentId] = /^#\/agents\/(.+)$/.exec(fragment) ?? [];
  if (agentId !== undefined) return { view: "agent", agentId: decode(agentId) };
  if (fragment === HREFS.trends) return { view: "trends" };
  if (fragment === HREFS.events) return { view: "events" };
  const wanted = new URLSearchParams(fragment.split("?")[1]).get("status")?.split(",") ?? [];
  return { view: "fleet", filter: HEALTHS.filter((health) => wanted.includes(health)) };
}

/** A mistyped escape sequence is shown as it stands. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
