/** Computes the time over which a fleet should reconnect after it has lost all of its connections. */

/** Above the minimum that the gateway needs, so that random bursts don't exceed even a small token bucket. */
const SLACK = 1.05;

/** Windows are rounded up to steps of 5 %, so that they reveal as little as possible of the fleet's size. */
const STEP = 1.05;

/** For shorter windows, the client's own schedule is enough. */
const SHORTEST_MS = 1000;

/**
 * The window in milliseconds; 0 for a small fleet.
 *
 * @param agents agents online in the whole deployment
 * @param connectsPerSecond new connections that the gateway accepts
 */
export function reconnectWindowMs(agents: number, connectsPerSecond: number): number {
  const neededMs = (SLACK * 1000 * agents) / connectsPerSecond;
  if (!(neededMs > SHORTEST_MS)) return 0;
  const steps = Math.ceil(Math.log(neededMs / SHORTEST_MS) / Math.log(STEP));
  return Math.round(SHORTEST_MS * STEP ** steps);
}
