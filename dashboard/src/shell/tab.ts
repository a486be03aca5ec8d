/** The browser's tab: its title and icon say how the fleet is while other tabs are looked at. */

import type { HealthCounts } from "../fleet/health";

export interface TabState {
  blind: boolean;
  counts: HealthCounts;
  organizationId: string;
}

export function titleOf({ blind, counts, organizationId }: TabState): string {
  const mark = blind ? "(?) " : counts.offline > 0 ? `(${counts.offline} offline) ` : "";
  return `${mark}${organizationId} · Agent Heartbeat`;
}

/** A square: grey while blind, red if agents are lost, else green, with the number of offline agents. */
export function iconOf({ blind, counts }: TabState): string {
  const colour = blind ? "#5f6b7a" : counts.lost > 0 ? "#d91515" : "#037f0c";
  const text = blind
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
