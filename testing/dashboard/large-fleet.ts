/** Generates a fleet too large to inspect agent by agent. */

import type { AgentPresence } from "@agent-heartbeat/sdk/protocol";
import { presence } from "./fake-fleet";

const HOUR_MS = 3_600_000;

/** Every twentieth agent is lost, and every third one works. */
export function largeFleet(size: number, now: number): AgentPresence[] {
  return Array.from({ length: size }, (_, index) => {
    const lost = index % 20 === 7;
    return presence(`agent-${String(index).padStart(5, "0")}`, {
      status: lost ? "offline" : "online",
      reason: lost ? "connection_lost" : null,
      connectedAt: now - HOUR_MS,
      lastHeartbeatAt: now,
      leaseExpiresAt: lost ? now - 1 : now + HOUR_MS,
      leaseMs: HOUR_MS,
      activity:
        index % 3 === 0
          ? { state: "working", task: "tasks.process", startedAt: now - index * 10 }
          : { state: "idle" },
    });
  });
}
