/**
 * Events and results of function URLs, in payload format 2.0:
 * https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
 */

import type { IncomingMessage } from "node:http";
import { newTraceId } from "../gateway/ids";
import { formatTime } from "../gateway/request-context";
import { hostOf } from "../guard";

export interface UrlFacts {
  urlId: string;
  requestId: string;
  /** Epoch milliseconds. */
  now: number;
}

export function urlEvent(
  request: IncomingMessage,
  body: Buffer,
  { urlId, requestId, now }: UrlFacts,
) {
  const { method = "GET", url = "/", httpVersion, socket } = request;
  const [rawPath = "/", rawQueryString = ""] = url.split(/\?(.*)/s);
  const query = [...new URLSearchParams(rawQueryString)];
  const headers = headersOf(request, now);
  const cookies = headers.cookie?.split("; ");
  const isText = isTextual(headers["content-type"]);
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath,
    rawQueryString,
    ...(cookies && { cookies }),
    headers,
    ...(query.length > 0 && { queryStringParameters: joined(query) }),
    requestContext: {
      accountId: "anonymous",
      apiId: urlId,
      // The name that the client used, because its token is for that name. On AWS, there is no port.
      domainName: hostOf(headers.host ?? "")?.text ?? "",
      domainPrefix: urlId,
      http: {
        method,
        path: rawPath,
        protocol: `HTTP/${httpVersion}`,
        sourceIp: socket.remoteAddress ?? "",
        userAgent: headers["user-agent"] ?? "",
      },
      requestId,
      routeKey: "$default",
      stage: "$default",
      time: formatTime(now),
      timeEpoch: now,
    },
    ...(body.length > 0 && { body: body.toString(isText ? "utf8" : "base64") }),
    isBase64Encoded: body.length > 0 && !isText,
  };
}

/** By names in lower case. Several values of one name are joined by commas. */
function headersOf({ rawHeaders, socket }: IncomingMessage, now: number): Record<string, string> {
  const pairs: [string, string][] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    if (name !== "connection") pairs.push([name, rawHeaders[index + 1] as string]);
  }
  return {
    ...joined(pairs),
    "x-amzn-trace-id": newTraceId(now),
    "x-forwarded-for": socket.remoteAddress ?? "",
    "x-forwarded-port": String(socket.localPort),
    "x-forwarded-proto": "http",
  };
}

function joined(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const all = new Map<string, string>();
  for (const [name, value] of pairs) {
    const before = all.get(name);
    all.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(all);
}

/** Other bodies are passed on in Base64. That includes forms, such as those of `curl -d`. */
const isTextual = (type = ""): boolean =>
  /^(text\/|application\/(json|javascript|xml)\b)/i.test(type.trim());

export interface UrlResult {
  statusCode: number;
  headers: Record<string, string | string[]>;
  body: Buffer | string;
}

/** What a function's result means. One without a status code is the body. @returns undefined if Lambda would not accept it */
export function urlResult(result: unknown): UrlResult | undefined {
  const isResponse = typeof result === "object" && result !== null && "statusCode" in result;
  if (!isResponse) {
    const body = typeof result === "string" ? result : JSON.stringify(result ?? null);
    return { statusCode: 200, headers: { "content-type": "application/json" }, body };
  }
  const {
    statusCode,
    headers = {},
    body,
    cookies,
    isBase64Encoded,
  } = result as Partial<{
    statusCode: unknown;
    headers: Record<string, unknown>;
    body: unknown;
    cookies: string[];
    isBase64Encoded: boolean;
  }>;
  const status = Number(statusCode);
  if (!Number.isInteger(status) || status < 100 || status > 599) return undefined;
  const text = body === undefined || body === null ? "" : String(body);
  return {
    statusCode: status,
    headers: {
      "content-type": "application/json",
      ...Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
      ),
      ...(cookies && { "set-cookie": cookies }),
    },
    body: isBase64Encoded ? Buffer.from(text, "base64") : text,
  };
}
