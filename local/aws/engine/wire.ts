/** DynamoDB's wire protocol, for callers that want unconverted responses. */

import { Agent, request } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";

export interface WireAnswer {
  status: number;
  body: string;
}

export interface Wire {
  /**
   * Sends one request.
   *
   * @param target for example `DynamoDB_20120810.UpdateItem`
   * @param body JSON
   * @throws Error only if there is no response
   */
  call(target: string, body: string): Promise<WireAnswer>;
  close(): void;
}

export function openWire(endpoint: string, region: string): Wire {
  const url = new URL(endpoint);
  const secure = url.protocol === "https:";
  const agent = new (secure ? SecureAgent : Agent)({ keepAlive: true });
  return {
    call: (target, body) =>
      new Promise((resolve, reject) => {
        const options = { method: "POST", agent, headers: headersOf(target, region) };
        const sent = (secure ? secureRequest : request)(url, options, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
          );
        });
        sent.on("error", reject);
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
}

// Local engines require a signature, but do not check it.
function headersOf(target: string, region: string): Record<string, string> {
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = `local/${date.slice(0, 8)}/${region}/dynamodb/aws4_request`;
  return {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": target,
    "X-Amz-Date": date,
    Authorization:
      `AWS4-HMAC-SHA256 Credential=${scope}, ` +
      `SignedHeaders=host;x-amz-date;x-amz-target, Signature=${"0".repeat(64)}`,
  };
}
