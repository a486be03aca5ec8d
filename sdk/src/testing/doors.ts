/** The ways into the fake service: a socket in memory, and real WebSockets and HTTP on a port of this machine. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { AddressInfo, Socket as NetSocket } from "node:net";
import type { Duplex } from "node:stream";
import type { OpenSocket } from "@agent-heartbeat/sdk";
import { LIMITS, SUBPROTOCOL } from "@agent-heartbeat/sdk/protocol";
import { WebSocketServer } from "ws";
import type { ConnectionClose, FakeConnection, Transport } from "./connection";
import { FrameLengths } from "./frame-lengths";
import { type HttpRequest, type HttpResponse, readRequest } from "./http-heartbeats";
import { type Login, readLogin } from "./login";

/** What answers a handshake in place of a connection. */
export interface Refusal {
  /** The HTTP status: 401 and 403 refuse the login, 409 a duplicate, 429 and 503 ask to retry later. */
  status: number;
  /** For example `Retry-After` in seconds, or `Date` for the server's clock. */
  headers?: Readonly<Record<string, string>> | undefined;
}

/** What stands behind both. */
export interface Host {
  admit(login: Login): Refusal | undefined;
  accept(login: Login, transport: Transport): FakeConnection;
  receive(connection: FakeConnection, text: string): void;
  ended(connection: FakeConnection, close: ConnectionClose): void;
  /** A request over HTTP; undefined leaves it without an answer. */
  request(request: HttpRequest): HttpResponse | undefined;
}

/** Not `queueMicrotask`, which fake timers replace. */
const later = (work: () => unknown) => void Promise.resolve().then(work);

/** Sockets in memory: no port, no timer, no turn of the event loop. */
export const memorySockets =
  (host: Host): OpenSocket =>
  (_url, protocols, listener) => {
    let connection: FakeConnection | undefined;
    let over = false;
    const end = (close: ConnectionClose, isTold: boolean) => {
      if (over) return;
      over = true;
      if (connection) host.ended(connection, close);
      if (isTold) listener.closed(close.code, close.reason);
    };
    later(() => {
      if (over) return;
      const login = readLogin([protocols.join(", ")]);
      const refusal = host.admit(login);
      if (refusal) {
        over = true;
        listener.refused(handshakeRefusal(refusal));
        return;
      }
      connection = host.accept(login, {
        send: (data) =>
          later(() => over || listener.received(typeof data === "string" ? data : null)),
        close: (code, reason) => later(() => end({ code, reason }, true)),
      });
      listener.opened();
    });
    return {
      bufferedAmount: 0,
      send: (text) => later(() => !over && connection && host.receive(connection, text)),
      close: (code, reason) => later(() => end({ code, reason }, true)),
      terminate: () => end({ code: 1006, reason: "" }, false),
    };
  };

function handshakeRefusal({ status, headers = {} }: Refusal) {
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  const { date, "retry-after": retryAfter } = Object.fromEntries(given);
  return { status, ...(date && { date }), ...(retryAfter && { retryAfter }) };
}

/** A server for WebSockets and HTTP on a free port of this machine. */
export class NetworkDoor {
  readonly #http = createServer((request, response) => void this.#answer(request, response));
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LIMITS.messageBytes,
    handleProtocols: () => SUBPROTOCOL,
  });
  readonly #open = new Set<NetSocket>();

  constructor(private readonly host: Host) {
    this.#http.on("connection", (socket) => {
      this.#open.add(socket);
      socket.on("close", () => this.#open.delete(socket));
    });
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  async listen(): Promise<void> {
    this.#http.listen(0, "127.0.0.1");
    await once(this.#http, "listening");
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#http.close();
    await once(this.#http, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    request.setEncoding("utf8");
    for await (const text of request) body += text;
    const { method = "", url = "", headers } = request;
    const read = readRequest(method, url, headers.authorization ?? "", body);
    const answer = this.host.request(read);
    if (!answer) return;
    const json = answer.body && { "content-type": "application/json" };
    response.writeHead(answer.status, { ...json, ...answer.headers });
    response.end(answer.body && JSON.stringify(answer.body));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => undefined);
    const login = readLogin(request.headersDistinct["sec-websocket-protocol"] ?? []);
    const refusal = this.host.admit(login);
    if (refusal) {
      const headers = { connection: "close", "content-length": "0", ...refusal.headers };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const { status } = refusal;
      socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n`);
      return;
    }
    const frames = new FrameLengths();
    socket.on("data", (bytes: Buffer) => frames.take(bytes));
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = this.host.accept(login, {
        send: (data) => webSocket.send(data),
        close(code, reason) {
          if (code === 1006) webSocket.terminate();
          else if (code === 1005) webSocket.close();
          else webSocket.close(code, reason);
        },
      });
      webSocket.on("message", (data) => {
        connection.longestFrame = frames.longest;
        this.host.receive(connection, String(data));
      });
      webSocket.on("error", () => undefined);
      webSocket.on("close", (code, reason) =>
        this.host.ended(connection, { code, reason: String(reason) }),
      );
    });
  }
}
