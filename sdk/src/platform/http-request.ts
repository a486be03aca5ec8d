/** Sends requests with JSON to the deployment's HTTP endpoint. */

import { type Agent, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { proxyAgent, proxyFor } from "./proxy";
import type { HandshakeRefusal } from "./runtime";

/** Longer responses are none of the service. */
const MOST_BYTES = 64 * 1024;

/** Its status and headers are read as those of a refused handshake are. */
export interface HttpAnswer extends HandshakeRefusal {
  /** The body, if it is a JSON object; otherwise empty. */
  body: Record<string, unknown>;
}

export interface JsonRequest {
  method: "POST" | "DELETE";
  url: string;
  headers: Record<string, string>;
  body?: object | undefined;
  /** From the start to the last byte of the response. */
  timeoutMs: number;
  /** Gives the request up. */
  signal?: AbortSignal | undefined;
  /** Takes the connection, in place of the proxy that the environment names. */
  agent: Agent | undefined;
}

/** Rejects if there is no whole response in time. */
export function requestJson(request: JsonRequest): Promise<HttpAnswer> {
  const { method, url, body, timeoutMs, signal } = request;
  const agent = request.agent ?? (proxyFor(url) && proxyAgent());
  const text = body === undefined ? "" : JSON.stringify(body);
  const send = url.startsWith("https:") ? httpsRequest : httpRequest;
  const headers = {
    ...request.headers,
    ...(body && { "Content-Type": "application/json" }),
    "Content-Length": Buffer.byteLength(text),
  };
  const timeout = AbortSignal.timeout(timeoutMs);
  const ends = signal ? AbortSignal.any([signal, timeout]) : timeout;
  return new Promise((resolve, reject) => {
    const sent = send(
      url,
      { method, headers, signal: ends, ...(agent && { agent }) },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > MOST_BYTES) sent.destroy(new Error(`a response of over ${MOST_BYTES} bytes`));
          chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () => {
          const { "retry-after": retryAfter, date } = response.headers;
          resolve({
            status: response.statusCode ?? 0,
            body: objectIn(Buffer.concat(chunks).toString()),
            ...(retryAfter !== undefined && { retryAfter }),
            ...(date !== undefined && { date }),
          });
        });
      },
    );
    sent.on("error", (error) => {
      const late = timeout.aborted;
      reject(late ? new Error(`no answer within ${timeoutMs} ms`, { cause: error }) : error);
    });
    sent.end(text);
  });
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
