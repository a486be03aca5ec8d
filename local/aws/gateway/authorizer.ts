/** Emulates the REQUEST authorizer of `$connect`. */

import { LocalRuntimeError } from "../errors";
import { FunctionFailed } from "../functions/function-failed";
import type { Invocable } from "../functions/local-function";
import type { AuthorizerDescription } from "../resources/web-socket-api";
import { allows } from "./policy";
import { authorizerEvent, type ConnectionFacts, type Handshake } from "./request-context";

/** Largest result of an authorizer, in bytes. */
export const AUTHORIZER_RESULT_BYTES = 8 * 1024;

/** Whether a handshake is allowed, or the status with which it is refused. */
export type AuthorizationResult =
  | { allowed: true; context: Record<string, string | number> }
  | { allowed: false; status: 401 | 403 | 500 };

export interface AuthorizeRequest {
  facts: ConnectionFacts;
  handshake: Handshake;
  methodArn: string;
  now: number;
}

/**
 * Calls the authorizer's function, unless an identity source is missing.
 *
 * @throws LocalRuntimeError if the result is invalid, and the function's own errors
 */
export async function authorize(
  { identitySources }: AuthorizerDescription,
  authorizer: Invocable,
  { facts, handshake, methodArn, now }: AuthorizeRequest,
): Promise<AuthorizationResult> {
  if (!identitySources.every((source) => hasSource(source, handshake))) {
    return { allowed: false, status: 401 };
  }
  const began = performance.now();
  let result: unknown;
  try {
    result = await authorizer.invoke(authorizerEvent(methodArn, facts, handshake, now));
  } catch (error) {
    // The only error message with a special meaning.
    if (error instanceof FunctionFailed && error.error.errorMessage === "Unauthorized") {
      return { allowed: false, status: 401 };
    }
    throw error;
  }
  const { principalId, policyDocument, context = {} } = (result ?? {}) as Record<string, unknown>;
  if (typeof principalId !== "string" || policyDocument === undefined) {
    throw new LocalRuntimeError(
      "The authorizer: expected principalId and policyDocument in its result",
    );
  }
  if (Buffer.byteLength(JSON.stringify(result)) > AUTHORIZER_RESULT_BYTES) {
    throw new LocalRuntimeError(
      `The authorizer: expected a result of at most ${AUTHORIZER_RESULT_BYTES} bytes`,
    );
  }
  if (!allows(policyDocument, methodArn)) return { allowed: false, status: 403 };
  const integrationLatency = Math.round(performance.now() - began);
  return { allowed: true, context: { principalId, ...textsOf(context), integrationLatency } };
}

function hasSource(source: string, { headers, query }: Handshake): boolean {
  const [, kind, name = ""] = /^route\.request\.(header|querystring)\.(.+)$/.exec(source) ?? [];
  if (kind === "querystring") return Boolean(query[name]?.some(Boolean));
  if (kind === "header") {
    const given = Object.entries(headers).filter(
      ([key]) => key.toLowerCase() === name.toLowerCase(),
    );
    return given.some(([, values]) => values.some(Boolean));
  }
  throw new LocalRuntimeError(`The authorizer: the identity source ${source} is not supported`);
}

/** The context may contain strings, numbers and booleans. All of them are passed on as strings. */
function textsOf(context: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(context as object).map(([key, value]) => {
      if (!["string", "number", "boolean"].includes(typeof value)) {
        throw new LocalRuntimeError(
          `The authorizer: expected a text as context.${key}, got ${value}`,
        );
      }
      return [key, String(value)];
    }),
  );
}
