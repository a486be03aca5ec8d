/** AWS::Lambda::EventInvokeConfig: how often, and for how long, asynchronous events are retried. */

import { functionNameOf } from "./function";
import { shortIdOf } from "./identity";
import { kind } from "./kind";
import type { PropertyReader } from "./properties";

export interface AsyncRetries {
  /** Retries after failures of the function. Throttled events are always retried. */
  maxRetries: number;
  /** Older events are discarded. */
  maxAgeMs: number;
}

/** Lambda's defaults. */
export const DEFAULT_RETRIES: AsyncRetries = { maxRetries: 2, maxAgeMs: 6 * 3_600_000 };

export const eventInvokeConfigKind = kind((identity) => ({ ref: shortIdOf(identity) }));

/** @returns the function's name and its configuration */
export function describeAsyncRetries(reader: PropertyReader): [string, AsyncRetries] {
  const retries = {
    maxRetries: reader.number("MaximumRetryAttempts", DEFAULT_RETRIES.maxRetries),
    maxAgeMs: reader.number("MaximumEventAgeInSeconds", DEFAULT_RETRIES.maxAgeMs / 1000) * 1000,
  };
  return [functionNameOf(reader.text("FunctionName")), retries];
}
