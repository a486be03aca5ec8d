/**
 * Title and icon of the browser tab. They show the state of the fleet while another tab is open.
 */

import type { HealthCounts } from "../fleet/health";

export interface TabState {
  stale: boolean;
  counts: HealthCounts;
  organizationId: string;
}

export function titleOf({ stale, counts, organizationId }: TabState): string {
  const mark = stale ? "(?) " : counts.offline > 0 ? `(${counts.offline} offline) ` : "";
  return `${mark}${organizationId} · Agent Heartbeat`;
}

/** A square with the number of offline agents: grey while the data is stale, red if agents are lost, else green. */
export function iconOf({ stale, counts }: TabState): string {
  const colour = stale ? "#5f6b7a" : counts.lost > 0 ? "#d91515" : "#037f0c";
  const text = stale
    ? "?"
    : counts.offline === 0
      ? ""
      : counts.offline > 99
        ? "99"
        : counts.offline;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">` +
    `<rect width="32" height="32" rx="7" fill="${colour}"/>` +
    (text === ""
      ? `<path d="M4 17h7l3-8 5 14 3-6h6" fill="none" stroke="#fff" stroke-width="3"/>`
      : `<text x="16" y="23" font-family="sans-serif" font-weight="bold" font-size="20" ` +
        `fill="#fff" text-anchor="middle">${text}</text>`) +
    "</svg>";
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
