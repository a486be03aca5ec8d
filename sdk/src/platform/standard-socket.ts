/** Opens WebSockets by the standard interface: browsers, and whatever else has a `WebSocket`. */

import type { OpenSocket } from "./runtime";

/** The part of the standard `WebSocket` that is used. */
interface StandardWebSocket {
  readonly bufferedAmount: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** A constructor of standard WebSockets. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => StandardWebSocket;

/**
 * Scripts can't read why a handshake failed, and can't terminate a socket: it is asked to close and no
 * longer listened to.
 */
export function standardSockets(WebSocket: WebSocketConstructor): OpenSocket {
  return (url, protocols, listener) => {
    const socket = new WebSocket(url, [...protocols]);
    let opened = false;
    socket.onopen = () => {
      opened = true;
      listener.opened();
    };
    socket.onmessage = ({ data }: { data: unknown }) =>
      listener.received(typeof data === "string" ? data : null);
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      if (opened) listener.closed(code, reason);
      else listener.failed(new Error("the handshake failed"));
    };
    return {
      get bufferedAmount() {
        return socket.bufferedAmount;
      },
      send: (text) => socket.send(text),
      close: (code, reason) => socket.close(code, reason),
      terminate() {
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close();
      },
    };
  };
}
