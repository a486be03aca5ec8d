/** Looks at a simulated fleet from outside, as every other reader would, and finds what reads wrong. */

import type { StatusReader } from "@agent-heartbeat/sdk/status";
import type { Measurements } from "./measurements";
import type { SimulatedAgent } from "./simulated-agent";

/** What happens within this time of a look may be seen by it or not. */
const GRACE_MS = 2000;

export interface ObserverOptions {
  statuses: Pick<StatusReader, "allAgents">;
  organizationId: string;
  agents: ReadonlyMap<string, SimulatedAgent>;
  /** How long an agent may read as online after it was last heard of. */
  leaseMs: number;
  measurements: Measurements;
  now: () => number;
}

/** Reads the fleet once, and counts agents that read wrong. */
export async function observe(options: ObserverOptions): Promise<void> {
  const { statuses, organizationId, agents, leaseMs, measurements, now } = options;
  const begun = now();
  const online = new Set<string>();
  for await (const { agentId } of statuses.allAgents({ organizationId, status: "online" })) {
    online.add(agentId);
  }
  measurements.readings++;
  for (const { agentId, steadySince, awaySince } of agents.values()) {
    const isOnline = online.has(agentId);
    if (!isOnline && steadySince !== null && steadySince < begun - GRACE_MS) {
      measurements.falseOfflines++;
    }
    if (isOnline && awaySince !== null && awaySince < begun - leaseMs - GRACE_MS) {
      measurements.falseOnlines++;
    }
  }
}
