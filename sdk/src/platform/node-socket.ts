/** Opens WebSockets in Node.js, where a refused handshake can be read and a socket be cut off. */

import type { Agent } from "node:http";
import { WebSocket } from "ws";
import { LIMITS } from "../../../core/limits";
import { proxyAgent, proxyFor } from "./proxy";
import type { OpenSocket, Socket, SocketListener } from "./runtime";

/** @param agent what takes the connections in place of the proxy that the environment names, or of none */
export const nodeSockets =
  (agent?: Agent): OpenSocket =>
  (url, protocols, listener) =>
    openNodeSocket(url, protocols, listener, agent);

function openNodeSocket(
  url: string,
  protocols: readonly string[],
  listener: SocketListener,
  given: Agent | undefined,
): Socket {
  const agent = given ?? (proxyFor(url) && proxyAgent());
  const socket = new WebSocket(url, [...protocols], {
    ...(agent && { agent }),
    perMessageDeflate: false,
    maxPayload: LIMITS.messageBytes,
  });
  let failure: unknown;
  socket.on("open", () => listener.opened());
  socket.on("message", (data, isBinary) => listener.received(isBinary ? null : String(data)));
  socket.on("unexpected-response", (request, response) => {
    const { "retry-after": retryAfter, date } = response.headers;
    response.resume();
    request.destroy();
    listener.refused({
      status: response.statusCode ?? 0,
      ...(retryAfter !== undefined && { retryAfter }),
      ...(date !== undefined && { date }),
    });
  });
  // Always followed by `close`, except for a handshake that was ended by hand.
  socket.on("error", (error) => {
    failure = explained(error);
  });
  socket.on("close", (code, reason) => {
    if (failure) listener.failed(failure);
    else listener.closed(code, String(reason));
  });
  return {
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    send: (text) => sendInFrames(socket, text),
    close: (code, reason) => socket.close(code, reason),
    terminate() {
      socket.removeAllListeners();
      // A socket that is cut off during its handshake still reports that as an error.
      socket.on("error", () => {});
      socket.terminate();
    },
  };
}

/** API Gateway takes no frame that is larger than its limit. */
function sendInFrames(socket: WebSocket, text: string): void {
  // The usual case without a copy: no character takes more than three bytes.
  if (text.length * 3 <= LIMITS.frameBytes) {
    socket.send(text);
    return;
  }
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += LIMITS.frameBytes) {
    const end = start + LIMITS.frameBytes;
    socket.send(bytes.subarray(start, end), { binary: false, fin: end >= bytes.length });
  }
}

/**
 * `ws` uses the native `bufferutil` if there is one. Some bundlers put an empty module in its place, which `ws` takes for it.
 */
export function explained(error: Error): Error {
  if (!/\b(un)?mask is not a function$/.test(error.message)) return error;
  return new Error(
    "the bundler has replaced the module bufferutil by an empty one: keep @agent-heartbeat/sdk out of the bundle, in Next.js by the setting serverExternalPackages",
    { cause: error },
  );
}
