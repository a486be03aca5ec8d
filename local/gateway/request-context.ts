/**
 * Events as API Gateway makes them for a WebSocket API.
 *
 * The forms are those of AWS's examples:
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integration-requests.html
 */

import type { IncomingMessage } from "node:http";
import { newId } from "./ids";

/** What every event of a connection says about it. */
export interface ConnectionFacts {
  connectionId: string;
  connectedAt: number;
  apiId: string;
  stage: string;
  /** `host:port`, for what is local has a port. */
  domainName: string;
  identity: { sourceIp: string; userAgent?: string };
  /** What the authorizer said; all values are texts, the latency excepted. */
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

/** The event of `$connect`, for its integration; the authorizer gets the same with a `methodArn`. */
export function connectEvent(facts: ConnectionFacts, request: IncomingMessage, now: number) {
  const headers = headersOf(request);
  const query = queryOf(request);
  return {
    headers,
    multiValueHeaders: multiValue(headers),
    ...(query && {
      queryStringParameters: query,
      multiValueQueryStringParameters: multiValue(query),
    }),
    requestContext: requestContext(facts, "$connect", "CONNECT", now),
    isBase64Encoded: false,
  };
}

/** The request's headers with their names as the client wrote them. */
function headersOf({ rawHeaders, socket }: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    headers[rawHeaders[index] as string] = rawHeaders[index + 1] as string;
  }
  headers["X-Forwarded-For"] = socket.remoteAddress ?? "";
  headers["X-Forwarded-Port"] = String(socket.localPort);
  headers["X-Forwarded-Proto"] = "http";
  return headers;
}

/** The request's query, or undefined if it has none. */
export function queryOf({ url = "" }: IncomingMessage): Record<string, string> | undefined {
  const mark = url.indexOf("?");
  if (mark < 0) return undefined;
  return Object.fromEntries(new URLSearchParams(url.slice(mark + 1)));
}

function multiValue(values: Record<string, string>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, [value]]));
}

let formatted: { second: number; text: string } | undefined;

/** As in `09/Feb/2024:18:23:28 +0000`. */
function formatTime(now: number): string {
  const second = Math.floor(now / 1000);
  if (formatted?.second !== second) {
    const [, day, month, year, time] = new Date(now).toUTCString().split(" ");
    formatted = { second, text: `${day}/${month}/${year}:${time} +0000` };
  }
  return formatted.text;
}
