/** AWS::Lambda::EventInvokeConfig: how often, and for how long, asynchronous events are tried again. */

import { functionNameOf } from "./function";
import { shortIdOf } from "./identity";
import { kind } from "./kind";
import type { PropertyReader } from "./properties";

export interface AsyncRetries {
  /** After failures of the function; throttled events are tried again regardless. */
  maxRetries: number;
  /** Older events are given up. */
  maxAgeMs: number;
}

/** What Lambda does where nothing is configured. */
export const DEFAULT_RETRIES: AsyncRetries = { maxRetries: 2, maxAgeMs: 6 * 3_600_000 };

export const eventInvokeConfigKind = kind((identity) => ({ ref: shortIdOf(identity) }));

/** @returns the function's name with what holds for it */
export function describeAsyncRetries(reader: PropertyReader): [string, AsyncRetries] {
  const retries = {
    maxRetries: reader.number("MaximumRetryAttempts", DEFAULT_RETRIES.maxRetries),
    maxAgeMs: reader.number("MaximumEventAgeInSeconds", DEFAULT_RETRIES.maxAgeMs / 1000) * 1000,
  };
  return [functionNameOf(reader.text("FunctionName")), retries];
}
