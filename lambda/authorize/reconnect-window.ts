/** How long a fleet is to take to come back after all of it was cut off: what the authorizer advises. */

/** Above the time that the gateway needs at least, so that chance does not overrun even a small bucket. */
const SLACK = 1.05;

/** Windows are rounded up to steps of a twentieth, which tell no more of the fleet's size than they must. */
const STEP = 1.05;

/** Below it the client's own windows do as well. */
const SHORTEST_MS = 1000;

/**
 * The window in milliseconds; 0 for a fleet so small that it needs none.
 *
 * @param agents that are online, in the whole deployment
 * @param connectsPerSecond that the gateway takes
 */
export function reconnectWindowMs(agents: number, connectsPerSecond: number): number {
  const neededMs = (SLACK * 1000 * agents) / connectsPerSecond;
  if (!(neededMs > SHORTEST_MS)) return 0;
  const steps = Math.ceil(Math.log(neededMs / SHORTEST_MS) / Math.log(STEP));
  return Math.round(SHORTEST_MS * STEP ** steps);
}
