/** Posts JSON to the deployment's HTTP endpoint. */

import { type Agent, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { proxyAgent, proxyFor } from "./proxy";

/** Longer responses are none of the service. */
const MOST_BYTES = 64 * 1024;

export interface HttpAnswer {
  status: number;
  /** The body, if it is a JSON object; otherwise empty. */
  body: Record<string, unknown>;
  /** In seconds, if the header has it in this form. */
  retryAfter: number | undefined;
}

export interface HttpPost {
  url: string;
  headers: Record<string, string>;
  body: object;
  /** From the start to the last byte of the response. */
  timeoutMs: number;
  /** Takes the connection, in place of the proxy that the environment names. */
  agent: Agent | undefined;
}

/** Rejects if there is no whole response in time. */
export function postJson(post: HttpPost): Promise<HttpAnswer> {
  const { url, headers, body, timeoutMs } = post;
  const agent = post.agent ?? (proxyFor(url) && proxyAgent());
  const text = JSON.stringify(body);
  const send = url.startsWith("https:") ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(
      url,
      {
        method: "POST",
        headers: {
          ...headers,
          "Content-Type": "application/json",
          "Content-Length": Buffer.byteLength(text),
        },
        signal: AbortSignal.timeout(timeoutMs),
        ...(agent && { agent }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > MOST_BYTES)
            request.destroy(new Error(`a response of over ${MOST_BYTES} bytes`));
          chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () => {
          const retryAfter = Number(response.headers["retry-after"] || Number.NaN);
          resolve({
            status: response.statusCode ?? 0,
            body: objectIn(Buffer.concat(chunks).toString()),
            retryAfter: Number.isNaN(retryAfter) ? undefined : retryAfter,
          });
        });
      },
    );
    request.on("error", (error) => {
      const late = error.name === "TimeoutError" || error.name === "AbortError";
      reject(late ? new Error(`no answer within ${timeoutMs} ms`, { cause: error }) : error);
    });
    request.end(text);
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
