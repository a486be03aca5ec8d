/** Provisioned capacity of the status table: what auto-scaling provides, and the least that suits a fleet. */

import { type Fleet, SECONDS_A_MONTH } from "./fleet";
import { PROVISIONED, UNITS } from "./units";
import { operationUnits, sweepUsage } from "./usage";

/** Units a second that a fleet uses of its status table on average. */
function usedBy(fleet: Fleet) {
  const { statusWriteUnits, statusReadUnits } = operationUnits(fleet);
  return {
    writes: statusWriteUnits / SECONDS_A_MONTH,
    reads: (statusReadUnits + sweepUsage(fleet).statusReadUnits) / SECONDS_A_MONTH,
  };
}

/** What is provisioned on average: the least, or more where the fleet's use is above the target. */
export function capacityOf(fleet: Fleet) {
  const { targetUtilization, readShare, minReadUnits } = PROVISIONED;
  const { minWriteUnits } = fleet;
  const { writes, reads } = usedBy(fleet);
  const leastReads = Math.max(minReadUnits, Math.ceil(minWriteUnits * readShare));
  return {
    writeUnits: Math.max(minWriteUnits, Math.ceil(writes / targetUtilization)),
    readUnits: Math.max(leastReads, Math.ceil(reads / targetUtilization)),
  };
}

/**
 * The least write units that suit a fleet: its use is not above the target, and all agents can lose their connections and
 * return at once, on what DynamoDB lends for a burst.
 */
export function leastWriteUnits(fleet: Fleet): number {
  const { writes } = usedBy(fleet);
  const returning = (["disconnect", "connect", "heartbeat"] as const)
    .map((operation) => UNITS[operation].statusWriteUnits)
    .reduce((sum, units) => sum + units);
  return Math.ceil(
    Math.max(
      writes / PROVISIONED.targetUtilization,
      writes + (fleet.agents * returning) / PROVISIONED.burstSeconds,
    ),
  );
}
