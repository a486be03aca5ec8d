/** The common part of all message routes: the event, replies, and error handling. No route fails with a 500. */

import { idOf, MessageError, parseObject } from "../../core/client-messages";
import { LIMITS, RATES, UNKNOWN_RATE } from "../../core/limits";
import type { ClientMessage, ErrorCode, ServerMessage } from "../../core/protocol";
import { PERMISSIONS } from "../../core/roles";
import type { StatusRow } from "../../core/status";
import type { Standing } from "../lease/standing";
import type { Connections } from "./connections";
import type { Guard } from "./guard";
import { type AuthorizerContext, fromContext, type Identity } from "./identity";
import type { Log } from "./log";
import type { MetricsSink } from "./metrics";
import { RateLimiter } from "./rate-limiter";
import { INTERNAL, REVOKED, SUPERSEDED } from "./replies";
import type { SenderRates } from "./sender-rates";

/** An event of a WebSocket API, as far as it is used. Times are the gateway's. */
export interface RouteEvent {
  body?: string | null;
  requestContext: {
    connectionId: string;
    connectedAt: number;
    requestTimeEpoch: number;
    routeKey: string;
    authorizer?: Partial<AuthorizerContext>;
    /** Only on `$disconnect`. */
    disconnectStatusCode?: number;
    disconnectReason?: string;
  };
}

/** The result of a route. The gateway sends `body` to the client if the route has a response. */
export interface RouteResult {
  statusCode: number;
  body?: string;
  headers?: Record<string, string>;
}

export interface RouteDependencies {
  /** Closes connections that flood or are locked out. */
  connections: Pick<Connections, "post" | "close">;
  log: Log;
  /** Counts `internal` replies, which the gateway does not count as errors. */
  metrics: MetricsSink;
}

/** A result without a reply. */
export const SILENT: RouteResult = { statusCode: 200 };

export const reply = (message: ServerMessage): RouteResult => ({
  statusCode: 200,
  body: JSON.stringify(message),
});

const errorReply = (code: ErrorCode, message: string, id?: string): RouteResult =>
  reply({ type: "error", code, message, ...echo(id) });

/** The `id` of a reply, if the message had one. */
export const echo = (id: string | undefined) => (id === undefined ? {} : { id });

/**
 * Rejects a message of a connection that no longer counts. A superseded connection stays open during its grace period. Others
 * are closed; their last message is posted, because a reply is sent only after the function returns.
 *
 * @param id the message's id, repeated in the reply
 */
export async function turnAway(
  standing: Exclude<Standing, "holds">,
  row: Pick<StatusRow, "connectedAt"> | undefined,
  { requestContext: { connectionId, requestTimeEpoch } }: RouteEvent,
  connections: Pick<Connections, "post" | "close">,
  id: string | undefined,
): Promise<RouteResult> {
  if (standing === "superseded" && mayStillAnswer(row, requestTimeEpoch)) {
    return reply({ ...SUPERSEDED, ...echo(id) });
  }
  // A connection replaced by its own process gets no message, which would stop the client.
  if (standing !== "ended") {
    const message = standing === "revoked" ? REVOKED : SUPERSEDED;
    // If it can't be notified, it is still closed.
    await connections.post(connectionId, { ...message, ...echo(id) }).catch(() => undefined);
  }
  await connections.close(connectionId);
  return SILENT;
}

/** Whether a superseded process is within its grace period, which begins when the newer one connects. */
function mayStillAnswer(row: Pick<StatusRow, "connectedAt"> | undefined, now: number): boolean {
  return row !== undefined && now < row.connectedAt + LIMITS.supersededGraceMs;
}

type RouteType = ClientMessage["type"] | "$default";

/** A route whose messages cost more than a heartbeat: they are counted for each agent. */
export interface CountedDependencies extends RouteDependencies {
  rates: Pick<SenderRates, "spend">;
}

/** A message route whose messages are counted for each agent, by one write, before anything is done for them. */
export function countedRoute(
  type: ClientMessage["type"],
  { rates, ...route }: CountedDependencies,
  handle: (event: RouteEvent, identity: Identity) => Promise<RouteResult> | RouteResult,
) {
  return messageRoute(type, route, async (event, identity) => {
    const outcome = await rates.spend(identity, type, event.requestContext.requestTimeEpoch);
    if (outcome !== "admitted") return refuse(outcome, type, event, identity, route);
    return handle(event, identity);
  });
}

/** A route whose messages count only from a connection that its agent's row lists. */
export interface GuardedDependencies extends CountedDependencies {
  guard: Guard;
}

/**
 * A message route that first checks its sender with one read.
 *
 * @param whileSuperseded whether a message is accepted from a superseded process within its grace period
 */
export function guardedRoute(
  type: ClientMessage["type"],
  { guard, ...route }: GuardedDependencies,
  handle: (event: RouteEvent, identity: Identity) => Promise<RouteResult> | RouteResult,
  whileSuperseded: (event: RouteEvent) => boolean = () => false,
) {
  return countedRoute(type, route, async (event, identity) => {
    const { connectionId, requestTimeEpoch } = event.requestContext;
    const { standing, row } = await guard.judge({ ...identity, connectionId });
    if (standing === "holds") return handle(event, identity);
    const answers = standing === "superseded" && mayStillAnswer(row, requestTimeEpoch);
    if (answers && whileSuperseded(event)) return handle(event, identity);
    return turnAway(standing, row, event, route.connections, idIn(event.body));
  });
}

/**
 * A message route: checks the sender's registration, rate and role, calls `handle`, and converts errors into `error` replies: a
 * `MessageError` with its own text, anything else as `internal`, with a log line.
 */
export function messageRoute(
  type: RouteType,
  route: RouteDependencies,
  handle: (event: RouteEvent, identity: Identity) => Promise<RouteResult> | RouteResult,
) {
  const { connections, log, metrics } = route;
  const rateLimiter = new RateLimiter(rateOf(type));
  return async (event: RouteEvent): Promise<RouteResult> => {
    try {
      const identity = fromContext(event.requestContext.authorizer);
      const { connectionId, requestTimeEpoch } = event.requestContext;
      if (requestTimeEpoch >= (identity.registeredUntil ?? Number.POSITIVE_INFINITY)) {
        return await turnAway("revoked", undefined, event, connections, idIn(event.body));
      }
      const outcome = rateLimiter.check(connectionId, requestTimeEpoch);
      if (outcome !== "admitted") return await refuse(outcome, type, event, identity, route);
      if (type !== "$default" && !PERMISSIONS[identity.role]?.includes(type)) {
        throw new MessageError("forbidden", `a ${identity.role} may not send ${type}`);
      }
      return await handle(event, identity);
    } catch (error) {
      const id = error instanceof MessageError && error.id ? error.id : idIn(event.body);
      if (error instanceof MessageError) return errorReply(error.code, error.message, id);
      log.error({ event: "route_failed", route: type, error: describe(error) });
      metrics.addMetric("RouteFailures", "Count", 1);
      metrics.publishStoredMetrics();
      return reply({ ...INTERNAL, ...echo(id) });
    }
  };
}

const rateOf = (type: RouteType) => (type === "$default" ? UNKNOWN_RATE : RATES[type]);

/**
 * Refuses a message beyond the rate, and closes the connection of a flood.
 *
 * @throws MessageError (`rate_limited`) unless it was closed
 */
async function refuse(
  outcome: "refused" | "close",
  type: RouteType,
  event: RouteEvent,
  { organizationId, agentId }: Identity,
  { connections, log, metrics }: RouteDependencies,
): Promise<RouteResult> {
  if (outcome === "refused") {
    const { perSecond, burst } = rateOf(type);
    const what = type === "$default" ? "such messages" : type;
    throw new MessageError(
      "rate_limited",
      `${what}: expected at most ${perSecond} a second, and ${burst} at once, got more`,
    );
  }
  const { connectionId } = event.requestContext;
  log.warn({ event: "flood_closed", route: type, organizationId, agentId, connectionId });
  metrics.addMetric("FloodsClosed", "Count", 1);
  metrics.publishStoredMetrics();
  await connections.close(connectionId);
  return SILENT;
}

/** The `id` of a message that was refused before it was parsed. */
function idIn(body: string | null | undefined): string | undefined {
  try {
    return idOf(parseObject(body));
  } catch {
    return undefined;
  }
}

function describe(error: unknown) {
  if (!(error instanceof Error)) return { message: String(error) };
  return { name: error.name, message: error.message, stack: error.stack };
}
