/** The sockets of a simulated agent, which can be cut and silenced from the outside. */

import { type OpenSocket, proxyAgent, proxyFor } from "@agent-heartbeat/sdk";
import { LIMITS } from "@agent-heartbeat/sdk/protocol";
import { WebSocket } from "ws";

export class SabotagedSockets {
  readonly #open = new Set<WebSocket>();
  /** Connections that neither let anything through nor end. */
  readonly #silent = new WeakSet<WebSocket>();

  /** Breaks every connection, as a network does that fails. */
  cut(): void {
    for (const socket of this.#open) socket.terminate();
  }

  /** From now on drops everything in both directions, without notice to either side. */
  silence(): void {
    for (const socket of this.#open) this.#silent.add(socket);
  }

  /** For the option `runtime` of an agent. */
  readonly open: OpenSocket = (url, protocols, listener) => {
    const agent = proxyFor(url) && proxyAgent();
    const socket = new WebSocket(url, [...protocols], {
      ...(agent && { agent }),
      perMessageDeflate: false,
      maxPayload: LIMITS.messageBytes,
    });
    const heard = <Args extends unknown[]>(pass: (...args: Args) => void) => {
      return (...args: Args) => {
        if (!this.#silent.has(socket)) pass(...args);
      };
    };
    let failure: unknown;
    this.#open.add(socket);
    socket.on("open", () => listener.opened());
    socket.on(
      "message",
      heard((data: unknown, isBinary: boolean) => listener.received(isBinary ? null : `${data}`)),
    );
    socket.on("unexpected-response", (request, response) => {
      const { "retry-after": retryAfter } = response.headers;
      response.resume();
      request.destroy();
      const status = response.statusCode ?? 0;
      listener.refused({ status, ...(retryAfter !== undefined && { retryAfter }) });
    });
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", (code, reason) => {
      this.#open.delete(socket);
      heard(() => {
        if (failure) listener.failed(failure);
        else listener.closed(code, String(reason));
      })();
    });
    return {
      get bufferedAmount() {
        return socket.bufferedAmount;
      },
      send: heard((text: string) => socket.send(text)),
      close: heard((code: number, reason: string) => socket.close(code, reason)),
      terminate: () => {
        this.#open.delete(socket);
        socket.removeAllListeners();
        socket.on("error", () => undefined);
        socket.terminate();
      },
    };
  };
}
