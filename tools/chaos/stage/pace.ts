/** How often the agents of a run send heartbeats and rotate their connections. */

const TIMEOUT_MULTIPLIER = 3;

export interface Pace {
  /** Of each agent, in seconds. */
  options: {
    heartbeatInterval: number;
    heartbeatTimeoutMultiplier: number;
    /** How long it keeps a connection. */
    rotateAfter: { min: number; max: number };
  };
  leaseMs: number;
}

/** @param heartbeatInterval seconds */
export function paceOf(heartbeatInterval: number): Pace {
  return {
    options: {
      heartbeatInterval,
      heartbeatTimeoutMultiplier: TIMEOUT_MULTIPLIER,
      rotateAfter: { min: 5 * heartbeatInterval, max: 20 * heartbeatInterval },
    },
    leaseMs: heartbeatInterval * TIMEOUT_MULTIPLIER * 1000,
  };
}

/** Many leases in a short run. */
export const FASTEST = paceOf(2);
