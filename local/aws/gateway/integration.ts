/** Calls the integration of a route, and interprets its result like API Gateway. */

import type { Clock } from "../clock";
import { LocalRuntimeError } from "../errors";
import type { Invocable } from "../functions/local-function";
import type { IntegrationDescription } from "../resources/web-socket-api";
import type { Integration, IntegrationResult } from "./integration-result";

/** What integrations call. */
export interface Backends {
  /** Finds a function by its ARN. @throws Error if there is none */
  functionOf(arn: string): Invocable;
}

export function integrationOf(
  description: IntegrationDescription,
  backends: Backends,
  clock: Clock,
): Integration {
  const target = backends.functionOf(description.functionArn);
  const { timeoutMs } = description;
  return async (event) =>
    proxyResult(await within(timeoutMs, clock, (signal) => target.invoke(event, signal)));
}

/** Limits the duration of a call, and aborts its signal after the timeout. */
function within<T>(
  timeoutMs: number,
  clock: Clock,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const waiting = new AbortController();
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => {
      reject(new LocalRuntimeError(`The integration did not answer within ${timeoutMs} ms`));
      waiting.abort();
    });
    call(waiting.signal)
      .then(resolve, reject)
      .finally(() => timer.cancel());
  });
}

function proxyResult(result: unknown): IntegrationResult {
  const { statusCode, headers, body } = (result ?? {}) as Record<string, unknown>;
  const status = Number(statusCode);
  if (!Number.isInteger(status) || status < 100 || status > 599) {
    throw new LocalRuntimeError(
      `Expected an answer with a statusCode, got ${JSON.stringify(result)?.slice(0, 200)}`,
    );
  }
  return {
    statusCode: status,
    headers: (headers ?? {}) as Record<string, string>,
    ...(typeof body === "string" && { body }),
  };
}
