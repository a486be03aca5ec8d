/** Which view is shown, as the fragment of the address has it. */

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
  /** The fleet, filtered. */
  fleetOf: (...healths: Health[]) => `#/?status=${healths.join(",")}`,
  agent: (agentId: string) => `#/agents/${encodeURIComponent(agentId)}`,
} as const;

export function routeOf(fragment: string): Route {
  const [, agentId] = /^#\/agents\/(.+)$/.exec(fragment) ?? [];
  if (agentId !== undefined) return { view: "agent", agentId: decoded(agentId) };
  if (fragment === HREFS.trends) return { view: "trends" };
  if (fragment === HREFS.events) return { view: "events" };
  const wanted = new URLSearchParams(fragment.split("?")[1]).get("status")?.split(",") ?? [];
  return { view: "fleet", filter: HEALTHS.filter((health) => wanted.includes(health)) };
}

/** Whatever somebody may have typed into the address. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
