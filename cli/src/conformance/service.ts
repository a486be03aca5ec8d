/** The service that a client is tried against: it speaks the protocol, or does what a scenario says. */

import { createServer, type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { LIMITS, SUBPROTOCOL } from "@agent-heartbeat/sdk/protocol";
import { type WebSocket, WebSocketServer } from "ws";
import type { Feed } from "./feed";
import { FrameLengths } from "./frame-lengths";
import { type Login, readLogin } from "./login";

/** A message as it came. */
export type Message = { type: string } & Record<string, unknown>;

/** What answers a handshake in place of a connection. */
export interface Refusal {
  status: number;
  headers?: Record<string, string>;
}

/** One connection of the client. */
export class ServerConnection {
  /** Every message that came, in order. */
  readonly messages: Message[] = [];
  /** How it ended; undefined while it is open. */
  end: { code: number; reason: string } | undefined;
  /** Whether heartbeats, subscriptions, profiles and publications are answered. */
  answers = true;
  /** The longest frame so far, in bytes. */
  longestFrame = 0;

  constructor(
    readonly login: Login,
    private readonly socket: WebSocket,
    private readonly feed: Feed,
  ) {}

  tell(message: unknown): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  tellBinary(bytes: Uint8Array): void {
    this.socket.send(bytes);
  }

  close(code: number): void {
    // 1005 stands for a close frame without a code, 1006 for none.
    if (code === 1006) this.socket.terminate();
    else if (code === 1005) this.socket.close();
    else this.socket.close(code);
  }

  ofType(...types: string[]): Message[] {
    return this.messages.filter(({ type }) => types.includes(type));
  }

  /** The message number `count` of a type, as soon as it has come. */
  message(type: string, count = 1): Promise<Message> {
    return this.feed.until(`${type} number ${count}`, () => this.ofType(type)[count - 1]);
  }

  /** Resolves when the client has left. */
  ended(): Promise<{ code: number; reason: string }> {
    return this.feed.until("the end of the connection", () => this.end);
  }
}

/** Listens on a port of this machine. */
export class ConformanceService {
  readonly connections: ServerConnection[] = [];
  /** Every attempt to log in, those that were refused too. */
  readonly logins: Login[] = [];
  /** Decides about a login. */
  refuse: (login: Login) => Refusal | undefined = () => undefined;
  /** What new connections do with messages. */
  answers = true;
  /** Types of messages that are not answered. */
  silent: string[] = [];
  /** How many processes a publication reaches. */
  reached = 1;
  /** How an agent's list is answered. */
  page: (message: Message) => object = () => ({ agents: [], cursor: null });
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LIMITS.messageBytes,
    handleProtocols: () => SUBPROTOCOL,
  });

  constructor(private readonly feed: Feed) {
    this.#http = createServer((_, response) => response.writeHead(426).end());
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** @returns its URL */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}/prod`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** Connection number `count`, as soon as it is open. */
  connection(count = 1): Promise<ServerConnection> {
    return this.feed.until(`connection number ${count}`, () => this.connections[count - 1]);
  }

  /** Attempt number `count` to log in. */
  attempt(count: number): Promise<Login> {
    return this.feed.until(`login number ${count}`, () => this.logins[count - 1]);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const login = readLogin(request);
    this.logins.push(login);
    const refusal = this.refuse(login);
    if (refusal) {
      const headers = { Connection: "close", "Content-Length": "0", ...refusal.headers };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(
        `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n${lines.join("")}\r\n`,
      );
      this.feed.changed();
      return;
    }
    const frames = new FrameLengths();
    socket.on("data", (bytes: Buffer) => frames.take(bytes));
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new ServerConnection(login, webSocket, this.feed);
      connection.answers = this.answers;
      this.connections.push(connection);
      webSocket.on("message", (data) => {
        connection.longestFrame = frames.longest;
        this.#receive(connection, String(data));
      });
      webSocket.on("error", () => undefined);
      webSocket.on("close", (code, reason) => {
        connection.end = { code, reason: String(reason) };
        this.feed.changed();
      });
      this.feed.changed();
    });
  }

  #receive(connection: ServerConnection, text: string): void {
    const message = JSON.parse(text) as Message;
    connection.messages.push(message);
    const answers = connection.answers && !this.silent.includes(message.type);
    const reply = answers ? this.#replyTo(message) : undefined;
    if (reply) connection.tell({ ...reply, ...("id" in message && { id: message.id }) });
    this.feed.changed();
  }

  #replyTo(message: Message): object | undefined {
    const now = Date.now();
    const { subject } = message;
    switch (message.type) {
      case "heartbeat":
        return { type: "heartbeat_ack", serverTime: now, leaseExpiresAt: now + 90_000 };
      case "profile":
        return { type: "profile_ack" };
      case "subscribe":
      case "unsubscribe":
        return { type: `${message.type}d`, subject };
      case "publish":
        return { type: "published", subject, reached: this.reached };
      case "list":
        return { type: "agents", serverTime: now, ...this.page(message) };
      default:
        return undefined;
    }
  }
}
