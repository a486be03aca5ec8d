/** Faults that befall a simulated fleet: what networks, machines and people do to agents. */

import type { SimulatedAgent } from "./simulated-agent";

/** Each agent suffers about one fault in so many seconds. */
const SECONDS_BETWEEN_FAULTS = 60;

export const FAULTS = ["cut", "silence", "crash"] as const;
export type Fault = (typeof FAULTS)[number];

/**
 * Whom a second's faults befall.
 *
 * @param random at least 0, below 1
 */
export function faultsOfSecond(
  agents: readonly SimulatedAgent[],
  random: () => number,
): { agent: SimulatedAgent; fault: Fault }[] {
  return agents.flatMap((agent) => {
    if (agent.steadySince === null || random() >= 1 / SECONDS_BETWEEN_FAULTS) return [];
    const fault = FAULTS[Math.floor(random() * FAULTS.length)] ?? "cut";
    return [{ agent, fault }];
  });
}
