/**
 * Events in the format of API Gateway's WebSocket APIs.
 *
 * The format follows AWS's examples:
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integration-requests.html
 */

import type { IncomingMessage } from "node:http";
import { newId, newTraceId } from "./ids";

/** The part of every event that describes the connection. */
export interface ConnectionFacts {
  connectionId: string;
  connectedAt: number;
  apiId: string;
  stage: string;
  /** `host:port`. On AWS, there is no port. */
  domainName: string;
  identity: { sourceIp: string; userAgent?: string };
  /** The authorizer's context. All values are strings except the latency. */
  authorizer?: Record<string, string | number>;
}

export type EventType = "CONNECT" | "MESSAGE" | "DISCONNECT";

export interface RequestContext extends ConnectionFacts {
  routeKey: string;
  eventType: EventType;
  messageDirection: "IN";
  requestId: string;
  extendedRequestId: string;
  requestTime: string;
  requestTimeEpoch: number;
}

function requestContext(
  facts: ConnectionFacts,
  routeKey: string,
  eventType: EventType,
  now: number,
): RequestContext {
  const requestId = newId();
  return {
    routeKey,
    eventType,
    extendedRequestId: requestId,
    requestTime: formatTime(now),
    messageDirection: "IN",
    requestTimeEpoch: now,
    requestId,
    ...facts,
  };
}

export function messageEvent(facts: ConnectionFacts, routeKey: string, body: string, now: number) {
  const context = requestContext(facts, routeKey, "MESSAGE", now);
  return { requestContext: { ...context, messageId: newId() }, body, isBase64Encoded: false };
}

export function disconnectEvent(
  facts: ConnectionFacts,
  disconnectStatusCode: number,
  disconnectReason: string,
  now: number,
) {
  const headers = {
    Host: facts.domainName,
    "x-api-key": "",
    "X-Forwarded-For": "",
    "x-restapi": "",
  };
  const context = requestContext(facts, "$disconnect", "DISCONNECT", now);
  return {
    headers,
    multiValueHeaders: multiValue(headers),
    requestContext: { ...context, disconnectStatusCode, disconnectReason },
    isBase64Encoded: false,
  };
}

/** The headers and query of a handshake, as API Gateway passes them on: each name with all its values. */
export interface Handshake {
  headers: Record<string, string[]>;
  query: Record<string, string[]>;
}

/** Hop-by-hop headers, which only the authorizer's event contains, with fixed values. */
const HOP_BY_HOP = { Connection: ["upgrade"], "content-length": ["0"], Upgrade: ["websocket"] };

/** @param now epoch milliseconds, for the trace id */
export function handshakeOf(request: IncomingMessage, now: number): Handshake {
  const hidden = new Set(Object.keys(HOP_BY_HOP).map((name) => name.toLowerCase()));
  const { rawHeaders, socket } = request;
  const headers: Record<string, string[]> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    // Header names keep the client's case.
    const name = rawHeaders[index] as string;
    if (hidden.has(name.toLowerCase())) continue;
    const values = headers[name] ?? [];
    headers[name] = values;
    values.push(rawHeaders[index + 1] as string);
  }
  headers["X-Amzn-Trace-Id"] = [newTraceId(now)];
  headers["X-Forwarded-For"] = [socket.remoteAddress ?? ""];
  headers["X-Forwarded-Port"] = [String(socket.localPort)];
  headers["X-Forwarded-Proto"] = ["http"];
  return { headers, query: queryOf(request) };
}

function queryOf({ url = "" }: IncomingMessage): Record<string, string[]> {
  const query: Record<string, string[]> = {};
  const mark = url.indexOf("?");
  const found = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
  for (const name of found.keys()) query[name] = found.getAll(name);
  return query;
}

/** The event of the `$connect` integration. */
export function connectEvent(facts: ConnectionFacts, { headers, query }: Handshake, now: number) {
  return {
    headers: lastOf(headers),
    multiValueHeaders: headers,
    ...(Object.keys(query).length > 0 && {
      queryStringParameters: lastOf(query),
      multiValueQueryStringParameters: query,
    }),
    requestContext: requestContext(facts, "$connect", "CONNECT", now),
    isBase64Encoded: false,
  };
}

/** The event of the `$connect` authorizer. */
export function authorizerEvent(
  methodArn: string,
  facts: ConnectionFacts,
  handshake: Handshake,
  now: number,
) {
  const headers = { ...handshake.headers, ...HOP_BY_HOP };
  return {
    type: "REQUEST",
    methodArn,
    headers: lastOf(headers),
    multiValueHeaders: headers,
    queryStringParameters: lastOf(handshake.query),
    multiValueQueryStringParameters: handshake.query,
    stageVariables: {},
    requestContext: requestContext(facts, "$connect", "CONNECT", now),
  };
}

/** The exact frame that a client receives instead of a reply, including API Gateway's spaces. */
export function errorFrame(
  message: string,
  { connectionId, requestId }: Pick<RequestContext, "connectionId" | "requestId">,
): string {
  return `{"message": "${message}", "connectionId":"${connectionId}", "requestId":"${requestId}"}`;
}

const lastOf = (values: Record<string, string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, all]) => [name, all.at(-1) ?? ""]));

function multiValue(values: Record<string, string>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, [value]]));
}

let formatted: { second: number; text: string } | undefined;

/** For example `09/Feb/2024:18:23:28 +0000`. */
export function formatTime(now: number): string {
  const second = Math.floor(now / 1000);
  if (formatted?.second !== second) {
    const [, day, month, year, time] = new Date(now).toUTCString().split(" ");
    formatted = { second, text: `${day}/${month}/${year}:${time} +0000` };
  }
  return formatted.text;
}
