/** Calls the integration of a route, and reads its answer as API Gateway does. */

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
  const integration = proxyIntegration(backends.functionOf(description.functionArn));
  return (event) => within(description.timeoutMs, integration(event), clock);
}

function proxyIntegration(target: Invocable): Integration {
  return async (event) => proxyResult(await target.invoke(event));
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
