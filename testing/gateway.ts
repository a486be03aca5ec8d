/** A fake of the service: a real WebSocket server that checks logins and answers heartbeats. */

import { once } from "node:events";
import { createServer, type Server, STATUS_CODES } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { decodeProtectedHeader, importJWK, type JWK, jwtVerify } from "jose";
import { type WebSocket, WebSocketServer } from "ws";
import { audienceOf, type LoginClaims, SUBPROTOCOL } from "../core/protocol";

/** A registered public key. */
export interface GatewayKey {
  keyId: string;
  algorithm: string;
  jwk: JWK;
}

/** The response to a refused handshake. */
export interface Refusal {
  status: number;
  headers?: Record<string, string>;
}

/** A connection, and everything received on it. */
export interface GatewayConnection {
  claims: LoginClaims;
  socket: WebSocket;
  received: Record<string, unknown>[];
  /** The close that the client sent; null while open. */
  closed: { code: number; reason: string } | null;
}

export interface GatewayOptions {
  /** Registered keys. Without any, logins are not checked. */
  keys?: GatewayKey[];
  /** Refuses a handshake. Called for each, before the login is checked. */
  refuse?: (attempt: number) => Refusal | undefined;
  /** The server's clock, in epoch milliseconds. */
  now?: () => number;
  /** Answers a message. The default answers everything that the SDK sends. Return undefined for no answer. */
  answer?: (message: Record<string, unknown>, connection: GatewayConnection) => object | undefined;
}

/** Call `close()` when done. Options may be changed while it runs. */
export class Gateway {
  readonly connections: GatewayConnection[] = [];
  attempts = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();

  private constructor(public options: GatewayOptions) {
    this.#server = createServer((_, response) => response.writeHead(426).end());
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => SUBPROTOCOL });
    this.#server.on("upgrade", async (request, socket, head) => {
      this.attempts += 1;
      socket.on("error", () => {});
      const refusal = this.options.refuse?.(this.attempts);
      const claims =
        refusal ?? (await this.#login(request.headers["sec-websocket-protocol"] ?? ""));
      if ("status" in claims) refuse(socket as Socket, claims);
      else {
        sockets.handleUpgrade(request, socket, head, (webSocket) =>
          this.#accept(webSocket, claims),
        );
      }
      this.#changed();
    });
  }

  static async start(options: GatewayOptions = {}): Promise<Gateway> {
    const gateway = new Gateway(options);
    gateway.#server.listen(0, "127.0.0.1");
    await once(gateway.#server, "listening");
    return gateway;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/prod`;
  }

  /** Open connections. */
  get open(): GatewayConnection[] {
    return this.connections.filter(({ closed }) => !closed);
  }

  /** The newest connection. */
  get last(): GatewayConnection {
    const last = this.connections.at(-1);
    if (!last) throw new Error("expected a connection, got none yet");
    return last;
  }

  /** Resolves when `condition` holds. It is checked after every event. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /** Posts a message to every open connection, or to one. */
  post(message: object, connections = this.open): void {
    for (const { socket } of connections) socket.send(JSON.stringify(message));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #login(header: string): Promise<LoginClaims | Refusal> {
    const [protocol, token] = header.split(",").map((part) => part.trim());
    const date = new Date(this.options.now?.() ?? Date.now()).toUTCString();
    if (protocol !== SUBPROTOCOL || !token) return { status: 401, headers: { date } };
    try {
      const keys = this.options.keys;
      if (!keys) return decodeClaims(token);
      const key = keys.find(({ keyId }) => keyId === decodeProtectedHeader(token).kid);
      if (!key) return { status: 403, headers: { date } };
      const { payload } = await jwtVerify(token, await importJWK(key.jwk, key.algorithm), {
        algorithms: [key.algorithm],
        currentDate: new Date(this.options.now?.() ?? Date.now()),
        clockTolerance: 30,
      });
      const path = new URL(String(payload.aud)).pathname;
      if (payload.aud !== audienceOf(`wss://${new URL(String(payload.aud)).host}${path}`)) {
        return { status: 403, headers: { date } };
      }
      return payload as unknown as LoginClaims;
    } catch {
      return { status: 403, headers: { date } };
    }
  }

  #accept(socket: WebSocket, claims: LoginClaims): void {
    const connection: GatewayConnection = { claims, socket, received: [], closed: null };
    this.connections.push(connection);
    socket.on("error", () => {});
    socket.on("message", (data) => {
      const message = JSON.parse(String(data)) as Record<string, unknown>;
      connection.received.push(message);
      const answer = (this.options.answer ?? this.answer)(message, connection);
      if (answer) socket.send(JSON.stringify(answer));
      this.#changed();
    });
    socket.on("close", (code, reason) => {
      connection.closed = { code, reason: String(reason) };
      this.#changed();
    });
    this.#changed();
  }

  /** The default answers. */
  readonly answer = (message: Record<string, unknown>): object | undefined => {
    const serverTime = this.options.now?.() ?? Date.now();
    const id = message.id === undefined ? {} : { id: message.id };
    if (message.type === "list")
      return { type: "agents", agents: [], cursor: null, serverTime, ...id };
    const { type, subject } = message;
    if (type === "subscribe" || type === "unsubscribe") return { type: `${type}d`, subject, ...id };
    if (type === "publish") return { type: "published", subject, reached: 1, ...id };
    if (type === "profile") return { type: "profile_ack", ...id };
    if (message.type !== "heartbeat") return undefined;
    return { type: "heartbeat_ack", serverTime, leaseExpiresAt: serverTime + 90_000, ...id };
  };

  #changed(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

function refuse(socket: Socket, { status, headers = {} }: Refusal): void {
  const lines = Object.entries({ ...headers, connection: "close", "content-length": "0" });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      `${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
  );
}

function decodeClaims(token: string): LoginClaims {
  const [, payload = ""] = token.split(".");
  return JSON.parse(Buffer.from(payload, "base64url").toString()) as LoginClaims;
}
