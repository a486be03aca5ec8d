/** AWS::Events::Rule. */

import { type Pattern, parsePattern } from "../events/pattern";
import { parseSchedule, type Schedule } from "../events/schedule";
import { busNameOf, DEFAULT_BUS } from "./event-bus";
import { arnOf, nameOf } from "./identity";
import { kind } from "./kind";
import type { PropertyReader } from "./properties";

export interface RuleTarget {
  functionArn: string;
  /** Passed to the function instead of the event. */
  input?: unknown;
}

export interface RuleDescription {
  logicalId: string;
  arn: string;
  busName: string;
  enabled: boolean;
  pattern?: Pattern;
  schedule?: Schedule;
  targets: RuleTarget[];
}

export const ruleKind = kind((identity) => {
  const ref = nameOf(identity, "Name");
  return { ref, Arn: arnOf(identity, "events", `rule/${ref}`) };
});

export function describeRule(reader: PropertyReader, arn: string): RuleDescription {
  const schedule = reader.optionalText("ScheduleExpression");
  const pattern = reader.properties.EventPattern;
  return {
    logicalId: reader.logicalId,
    arn,
    busName: busNameOf(reader.optionalText("EventBusName") ?? DEFAULT_BUS),
    enabled: reader.oneOf("State", ["ENABLED", "DISABLED"], "ENABLED") === "ENABLED",
    ...(pattern !== undefined && { pattern: parsePattern(pattern) }),
    ...(schedule && { schedule: parseSchedule(schedule) }),
    targets: reader.list<Record<string, unknown>>("Targets").map((target) => {
      return { ...describeTarget(reader, target) };
    }),
  };
}

/**
 * A target's RetryPolicy applies to events that Lambda's queue does not accept, which does not happen here. The function's own
 * configuration applies to events in the queue.
 */
function describeTarget(reader: PropertyReader, target: Record<string, unknown>): RuleTarget {
  const arn = String(target.Arn);
  if (!/^arn:aws:lambda:[^:]*:[^:]*:function:/.test(arn)) {
    reader.fail("Targets", "targets that are functions", arn);
  }
  for (const unknown of ["InputPath", "InputTransformer"]) {
    if (unknown in target) reader.fail("Targets", `no ${unknown}, which is not supported`, arn);
  }
  return {
    functionArn: arn,
    ...(target.Input !== undefined && { input: JSON.parse(String(target.Input)) }),
  };
}
