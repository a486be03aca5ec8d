/** The W3C trace context of a message: which trace it belongs to. https://www.w3.org/TR/trace-context/ */

/** A trace context, as it travels with a message. */
export interface TraceContext {
  /** Version, trace id, parent id and flags. */
  traceparent?: string | undefined;
  /** What tracing systems add to it. */
  tracestate?: string | undefined;
}

/** Longest `tracestate`, in characters. */
export const TRACESTATE_LENGTH = 512;

/** Version 00, or a later one of the same length. The version ff and ids of zeros are invalid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export const isTraceparent = (value: unknown): value is string =>
  typeof value === "string" && TRACEPARENT.test(value);

export const isTracestate = (value: unknown): value is string =>
  typeof value === "string" && value.length <= TRACESTATE_LENGTH;

/** What is well-formed of a trace context. Without a `traceparent` that is, nothing. */
export function traceOf({ traceparent, tracestate }: TraceContext): {
  [Name in keyof TraceContext]?: string;
} {
  if (!isTraceparent(traceparent)) return {};
  return { traceparent, ...(isTracestate(tracestate) && { tracestate }) };
}
