/** Provisioned capacity of the status table: its prop, its limits, and the auto-scaling. */

import { Token } from "aws-cdk-lib";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { type Complete, defined, expectLimit } from "./limits";

/**
 * Provisioned capacity of the status table, in units per second: a heartbeat takes one write unit. Auto-scaling follows the
 * fleet within minutes, and for up to five minutes DynamoDB lends what was provisioned and not used in the last five. A write
 * beyond both is throttled: a login is tried again, and an agent that loses heartbeats for longer than its lease reads as offline.
 */
export interface StatusTableCapacity {
  /**
   * Write units that are always provisioned: a whole number from 1 to 40,000. `agent-heartbeat cost --recommend` prints the
   * number for a fleet: enough for its heartbeats, and for all of its agents to reconnect at once.
   */
  readonly minWriteUnits: number;

  /**
   * The most write units that auto-scaling provisions, from `minWriteUnits` to 40,000, which is DynamoDB's default quota.
   *
   * @default - ten times `minWriteUnits`, at most 40,000
   */
  readonly maxWriteUnits?: number | undefined;

  /**
   * Read units that are always provisioned, for sweeps, lists and readers: a whole number from 1 to 40,000.
   *
   * @default - a twentieth of `minWriteUnits`, and at least 5
   */
  readonly minReadUnits?: number | undefined;

  /**
   * The most read units that auto-scaling provisions, from `minReadUnits` to 40,000.
   *
   * @default - ten times `minReadUnits`, at most 40,000
   */
  readonly maxReadUnits?: number | undefined;

  /**
   * Share of the units that a steady fleet uses, from 0.2 to 0.9. Auto-scaling provisions more above it, and less below it.
   *
   * @default 0.7
   */
  readonly targetUtilization?: number | undefined;
}

/** The prop with its defaults. */
export type Capacity = Complete<StatusTableCapacity>;

/** DynamoDB's default quota of read or write units of a table. */
const MAX_UNITS = 40_000;

/** Fills in the defaults. Undefined means on demand. */
export function capacityOf(props: StatusTableCapacity | undefined): Capacity | undefined {
  if (props === undefined) return undefined;
  // Of units that are known only when deploying, none can be computed.
  const tenfold = (units: number) =>
    Token.isUnresolved(units) ? MAX_UNITS : Math.min(MAX_UNITS, units * 10);
  const { minWriteUnits } = props;
  const share = Token.isUnresolved(minWriteUnits) ? 0 : Math.ceil(minWriteUnits / 20);
  const { minReadUnits = Math.max(5, share) } = props;
  return {
    minReadUnits,
    maxWriteUnits: tenfold(minWriteUnits),
    maxReadUnits: tenfold(minReadUnits),
    targetUtilization: 0.7,
    ...defined(props),
  };
}

/** @throws Error naming the setting, the expected and the actual value */
export function expectCapacity(capacity: Capacity): void {
  const { minWriteUnits, maxWriteUnits, minReadUnits, maxReadUnits, targetUtilization } = capacity;
  const name = "statusTableCapacity";
  expectLimit(`${name}.minWriteUnits`, minWriteUnits, MAX_UNITS);
  expectLimit(`${name}.maxWriteUnits`, maxWriteUnits, MAX_UNITS, minWriteUnits);
  expectLimit(`${name}.minReadUnits`, minReadUnits, MAX_UNITS);
  expectLimit(`${name}.maxReadUnits`, maxReadUnits, MAX_UNITS, minReadUnits);
  if (!(targetUtilization >= 0.2 && targetUtilization <= 0.9)) {
    throw new Error(`${name}.targetUtilization: expected 0.2 to 0.9, got ${targetUtilization}`);
  }
}

/** Follows the use of a table, up and down, within its limits. */
export function scale(table: Table, capacity: Capacity): void {
  const { minWriteUnits, maxWriteUnits, minReadUnits, maxReadUnits } = capacity;
  const targetUtilizationPercent = Math.round(capacity.targetUtilization * 100);
  table
    .autoScaleWriteCapacity({ minCapacity: minWriteUnits, maxCapacity: maxWriteUnits })
    .scaleOnUtilization({ targetUtilizationPercent });
  table
    .autoScaleReadCapacity({ minCapacity: minReadUnits, maxCapacity: maxReadUnits })
    .scaleOnUtilization({ targetUtilizationPercent });
}
