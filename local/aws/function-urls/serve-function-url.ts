/** Emulates a function URL of Lambda: each request is an invocation. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../clock";
import { FunctionThrottled } from "../functions/concurrency";
import type { Invocable } from "../functions/local-function";
import { newId } from "../gateway/ids";
import { readBytes, respond } from "../http";
import { urlEvent, urlResult } from "./event";

/** The largest payload of an invocation. */
const MAX_BYTES = 6 * 1024 * 1024;

export interface FunctionUrlOptions {
  urlId: string;
  target: Invocable;
  clock: Clock;
  /** Called for failures that clients see as internal errors. */
  report(problem: string): void;
}

/** Handles every request to the port of a function URL. */
export function serveFunctionUrl({ urlId, target, clock, report }: FunctionUrlOptions) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const requestId = newId();
    const headers = { "x-amzn-RequestId": requestId };
    try {
      const body = await readBytes(request, MAX_BYTES);
      if (!body) {
        const Message = `Request must be smaller than ${MAX_BYTES} bytes for the InvokeFunction operation`;
        return respond(response, 413, { Message }, headers);
      }
      const event = urlEvent(request, body, { urlId, requestId, now: clock.now() });
      const result = urlResult(await target.invoke(event));
      if (!result) throw new Error("expected a result with a status code from 100 to 599");
      response.writeHead(result.statusCode, { ...result.headers, ...headers });
      response.end(result.body);
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      if (error instanceof FunctionThrottled) {
        return respond(
          response,
          429,
          {
            Message: "Rate Exceeded.",
            Reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
          },
          headers,
        );
      }
      report(`The function URL failed: ${error instanceof Error ? error.message : String(error)}`);
      respond(response, 502, { message: "Internal Server Error" }, headers);
    }
  };
}
