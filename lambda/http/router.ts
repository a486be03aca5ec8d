/** Chooses the route of a request by path and method, and responds to errors. */

import type { Log } from "../shared/log";
import type { MetricsSink } from "../shared/metrics";
import { HttpError, type HttpEvent, type HttpResult, refusalOf, respond } from "./request";

/** @param parameters the segments in place of `{name}` in the route's path, decoded */
export type HttpRoute = (
  event: HttpEvent,
  parameters: Readonly<Record<string, string>>,
) => Promise<HttpResult>;

/** By path, as `/ping/{secret}`, and by method. */
export type HttpRoutes = Readonly<Record<string, Readonly<Record<string, HttpRoute>>>>;

export interface RouterDependencies {
  log: Log;
  /** Counts failures, which Lambda does not count as errors. */
  metrics: MetricsSink;
}

/** Never throws: a failure is answered with 500, and described in the log alone. */
export function router(routes: HttpRoutes, { log, metrics }: RouterDependencies) {
  const table = Object.entries(routes).map(([path, methods]) => ({
    match: matcher(path),
    methods,
  }));
  return async (event: HttpEvent): Promise<HttpResult> => {
    const { method } = event.requestContext.http;
    try {
      for (const { match, methods } of table) {
        const parameters = match(event.rawPath);
        if (!parameters) continue;
        const route = Object.hasOwn(methods, method) ? methods[method] : undefined;
        if (route) return await route(event, parameters);
        const allowed = Object.keys(methods).join(", ");
        throw new HttpError(405, `The method: expected ${allowed}, got ${method}`, {
          headers: { Allow: allowed },
        });
      }
      throw new HttpError(404, "There is nothing at this path");
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal) return refusal;
      log.error({ event: "http_failed", method, error: describe(error) });
      metrics.addMetric("RouteFailures", "Count", 1);
      metrics.publishStoredMetrics();
      return respond(500, { message: "The service failed: send the request again" });
    }
  };
}

/** Matches a request's path, without a slash at the end. */
function matcher(path: string) {
  const expected = path.split("/");
  return (rawPath: string): Record<string, string> | undefined => {
    const given = rawPath.replace(/\/$/, "").split("/");
    if (given.length !== expected.length) return undefined;
    const parameters: Record<string, string> = {};
    for (const [index, segment] of expected.entries()) {
      const text = decoded(given[index] ?? "");
      const [, name] = /^\{(\w+)\}$/.exec(segment) ?? [];
      if (name === undefined ? text !== segment : !text) return undefined;
      if (name !== undefined) parameters[name] = text ?? "";
    }
    return parameters;
  };
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function describe(error: unknown) {
  if (!(error instanceof Error)) return { message: String(error) };
  return { name: error.name, message: error.message, stack: error.stack };
}
