/** Calls the integration of a route, and reads its answer as API Gateway does. */

import type { Clock } from "../clock";
import { LocalRuntimeError } from "../errors";
import type { Invocable } from "../functions/local-function";
import type { IntegrationDescription } from "../resources/web-socket-api";

/** A proxy integration's answer. */
export interface IntegrationResult {
  statusCode: number;
  headers: Record<string, string>;
  body?: string;
}

/** @throws Error if the integration fails, takes too long, or its answer has no status code */
export type Integration = (event: unknown) => Promise<IntegrationResult>;

/** @param functionOf finds a function by its ARN, and throws if there is none */
export function integrationOf(
  { functionArn, timeoutMs }: IntegrationDescription,
  functionOf: (arn: string) => Invocable,
  clock: Clock,
): Integration {
  const target = functionOf(functionArn);
  return async (event) => proxyResult(await within(timeoutMs, target.invoke(event), clock));
}

function within<T>(timeoutMs: number, work: Promise<T>, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () =>
      reject(new LocalRuntimeError(`The integration did not answer within ${timeoutMs} ms`)),
    );
    work.then(resolve, reject).finally(() => timer.cancel());
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
