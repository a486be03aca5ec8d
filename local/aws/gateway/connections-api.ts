/** Emulates the `@connections` API, which posts to connections, describes them and closes them. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { readBody, respond } from "../http";
import { GATEWAY_LIMITS } from "./client-connection";
import type { Gateway } from "./gateway";
import { isId } from "./ids";

/** Handles requests to `/<stage>/@connections/<id>`. */
export function connectionsApi(gateway: Gateway, stage: string) {
  const prefix = `/${stage}/@connections/`;
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const path = decodePath(request.url ?? "");
    if (!path?.startsWith(prefix)) return false;
    void handle(gateway, path.slice(prefix.length), request, response);
    return true;
  };
}

async function handle(
  gateway: Gateway,
  connectionId: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const fail = (status: number, type: string, message: string) =>
    respond(response, status, { message }, { "x-amzn-ErrorType": type });
  if (!request.headers.authorization?.startsWith("AWS4-HMAC-SHA256 ")) {
    return fail(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
  }
  const body =
    request.method === "POST" ? await readBody(request, GATEWAY_LIMITS.messageBytes) : "";
  if (body === undefined) return fail(413, "PayloadTooLargeException", "Message too long");
  if (!isId(connectionId)) {
    return fail(400, "BadRequestException", `Invalid connectionId: ${connectionId}`);
  }
  const connection = gateway.connection(connectionId);
  if (!connection) return fail(410, "GoneException", "The connection is gone");
  switch (request.method) {
    case "POST":
      if (connection.congested) return fail(429, "LimitExceededException", "The buffer is full");
      connection.send(body);
      return respond(response, 200);
    case "DELETE":
      connection.end(1000, "Connection Closed Normally");
      return respond(response, 204);
    case "GET":
      return respond(response, 200, {
        connectedAt: new Date(connection.facts.connectedAt).toISOString(),
        identity: connection.facts.identity,
        lastActiveAt: new Date(connection.lastActiveAt).toISOString(),
      });
    default:
      return fail(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
  }
}

function decodePath(url: string): string | undefined {
  try {
    return decodeURIComponent(url.replace(/\?.*$/, ""));
  } catch {
    return undefined;
  }
}
