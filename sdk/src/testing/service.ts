/** The service in this process: it follows the protocol as the real one does, or as a test configures it. */

import { generateKeyPairSync } from "node:crypto";
import type { OpenSocket, PublicKey } from "@agent-heartbeat/sdk";
import {
  AGENT_WATCHES_STATUS,
  type AgentPresence,
  type Role,
  type Transition,
} from "@agent-heartbeat/sdk/protocol";
import { agentToken } from "../../../core/subject";
import { ChangeSignal } from "./change-signal";
import {
  type ConnectionClose,
  FakeConnection,
  type SentMessage,
  type Transport,
} from "./connection";
import { type Host, memorySockets, NetworkDoor, type Refusal } from "./doors";
import { FakeFleet } from "./fleet";
import { HttpHeartbeatDoor, type HttpRequest, type HttpResponse } from "./http-heartbeats";
import { isSigned, type Login } from "./login";
import { type FakeReceiver, RemoteAgent } from "./remote-agent";
import { type Published, replyTo } from "./replies";
import { FakeRouter } from "./router";
import type {
  AnswerMessage,
  FakeClientOptions,
  FakeServiceOptions,
  Refuse,
  RefuseHttp,
} from "./service-options";

/** Starts a service in this process. Call `close()` at the end. */
export async function startFakeService(options: FakeServiceOptions = {}): Promise<FakeService> {
  const service = new FakeService(options);
  await service.listen();
  return service;
}

/**
 * A service in this process. Clients connect in memory, with `options()`, or over the network, at `url`. Its leases run
 * by `now()` alone: it has no timers.
 */
export class FakeService {
  readonly organizationId: string;
  /** Every connection so far, in order. */
  readonly connections: FakeConnection[] = [];
  /** Every login so far, also those that were refused. */
  readonly logins: Login[] = [];
  /** Every request over HTTP so far, also those that were refused. */
  readonly httpRequests: HttpRequest[] = [];
  /** Every message that clients have published, except answers. */
  readonly published: Published[] = [];
  /** Registered keys; undefined accepts every login. */
  keys: readonly PublicKey[] | undefined;
  /** Refuses handshakes: all of them, or those that a function selects. */
  refuse: Refusal | Refuse | undefined;
  /** Answers requests over HTTP instead of the fake: all of them, or those that a function selects. */
  refuseHttp: Refusal | RefuseHttp | undefined;
  /** Whether messages on new connections are answered. */
  answers = true;
  /** Answers messages instead of the fake. */
  answer: AnswerMessage | undefined;
  /** How many processes a message reaches, instead of the true number. */
  reached: number | undefined;
  /** Opens sockets in memory, for a client's `runtime`. */
  readonly openSocket: OpenSocket;
  readonly #options: FakeServiceOptions;
  readonly #roles: Map<string, Role>;
  readonly #fleet: FakeFleet;
  readonly #door: NetworkDoor;
  readonly #http = new HttpHeartbeatDoor();
  readonly #remote = new Map<string, RemoteAgent>();
  readonly #router: FakeRouter;
  readonly #changes: ChangeSignal;
  #listens = false;
  #privateKey: string | undefined;

  constructor(options: FakeServiceOptions = {}) {
    this.#options = options;
    this.organizationId = options.organizationId ?? "acme";
    this.keys = options.keys;
    this.#roles = new Map(Object.entries(options.roles ?? {}));
    this.#fleet = new FakeFleet(
      this.organizationId,
      () => this.now(),
      (transition) => this.#announce(transition),
    );
    this.#router = new FakeRouter({
      open: () => this.open,
      agents: () => this.agents,
      remote: this.#remote,
      random: options.random ?? Math.random,
    });
    const host: Host = {
      admit: (login) => this.#admit(login),
      accept: (login, transport) => this.#accept(login, transport),
      receive: (connection, text) => this.#receive(connection, text),
      ended: (connection, close) => this.#ended(connection, close),
      request: (request) => this.#answerHttp(request),
    };
    this.openSocket = memorySockets(host);
    this.#door = new NetworkDoor(host);
    this.#changes = new ChangeSignal(options.signal);
  }

  /** Epoch milliseconds by the service's clock. */
  now(): number {
    return this.#options.now?.() ?? Date.now();
  }

  /** Opens a port of this machine for clients at `url`. `startFakeService()` has done so. */
  async listen(): Promise<void> {
    await this.#door.listen();
    this.#listens = true;
  }

  /** The port of this machine that it listens on. */
  get port(): number {
    return this.#door.port;
  }

  /** Where clients connect over the network. */
  get url(): string {
    return this.#listens ? `ws://127.0.0.1:${this.port}/prod` : "wss://service.test/prod";
  }

  /** Where clients send heartbeats over HTTP, if it listens: it does not in memory. */
  get httpUrl(): string {
    return this.#listens ? `http://127.0.0.1:${this.port}` : "https://http.service.test";
  }

  /** Ends every connection, and closes the port. */
  async close(): Promise<void> {
    for (const connection of this.open) connection.close();
    this.refuse ??= { status: 503 };
    if (this.#listens) await this.#door.close();
    this.#listens = false;
  }

  /**
   * Options for a client that connects in memory, which works under fake timers too: spread them into those of a
   * `HeartbeatAgent`, a `SimpleAgent` or, with the role `viewer`, a `FleetWatcher`.
   */
  options(agentId: string, role: Role = "agent"): FakeClientOptions {
    this.#roles.set(agentId, role);
    this.#privateKey ??= generateKeyPairSync("ec", { namedCurve: "P-256" })
      .privateKey.export({ type: "pkcs8", format: "pem" })
      .toString();
    const { organizationId, url, openSocket } = this;
    const common = { organizationId, url, privateKey: this.#privateKey, connectTimeout: 60 };
    return { agentId, ...common, logger: null, runtime: { openSocket } };
  }

  /** A remote agent that the test controls. Every call with the same id returns the same one. */
  agent(agentId: string): RemoteAgent {
    const known = this.#remote.get(agentId);
    if (known) return known;
    const agent = new RemoteAgent(agentId, {
      fleet: this.#fleet,
      now: () => this.now(),
      deliver: (message) => this.#router.deliver(message),
    });
    this.#remote.set(agentId, agent);
    return agent;
  }

  /** Every agent that is or was online, as readers see it now. */
  get agents(): AgentPresence[] {
    return this.#fleet.list();
  }

  /** The connections that are open. */
  get open(): FakeConnection[] {
    return this.connections.filter(({ closed }) => !closed);
  }

  /** The newest connection. @throws Error if there was no connection yet */
  get last(): FakeConnection {
    const last = this.connections.at(-1);
    if (!last) throw new Error("expected a connection, got none yet");
    return last;
  }

  /** Waits for connection number `count`. */
  connection(count = 1): Promise<FakeConnection> {
    return this.until(() => this.connections[count - 1], `connection number ${count}`);
  }

  /** Waits for login number `count`. Refused ones count too. */
  login(count = 1): Promise<Login> {
    return this.until(() => this.logins[count - 1], `login number ${count}`);
  }

  /** Waits for request number `count` over HTTP. Refused ones count too. */
  httpRequest(count = 1): Promise<HttpRequest> {
    return this.until(() => this.httpRequests[count - 1], `HTTP request number ${count}`);
  }

  /** Sends a message unchanged to every open connection, or to some. */
  send(message: object | string, to: readonly FakeConnection[] = this.open): void {
    for (const connection of to) connection.send(message);
  }

  /**
   * Publishes a message as the event bus does. See `agent()` for messages of agents.
   *
   * @returns how many processes it reached
   */
  publish(
    subject: string,
    data: unknown = null,
    { from = "event:test", ...receiver }: { from?: string } & FakeReceiver = {},
  ): number {
    return this.#router.deliver({ subject, data, from, ...receiver });
  }

  /** Ends the connections of a client: with 1006, as when the network breaks, or with another close code. */
  disconnect(agentId: string, code = 1006, reason = ""): void {
    for (const connection of this.#openOf(agentId)) connection.close(code, reason);
  }

  /**
   * Waits until `look` returns something. It is called at every change, and every few milliseconds.
   *
   * @param what it waits for, for the error
   * @throws Error if the service's `signal` is aborted before
   */
  until<T>(look: () => T | undefined | null | false, what = "what it waits for"): Promise<T> {
    return this.#changes.until(look, what);
  }

  #openOf(agentId: string): FakeConnection[] {
    return this.open.filter((connection) => connection.agentId === agentId);
  }

  #admit(login: Login): Refusal | undefined {
    this.logins.push(login);
    const refusal = this.#refusal(login);
    this.#changes.changed();
    return refusal;
  }

  #refusal(login: Login): Refusal | undefined {
    const { refuse, keys } = this;
    const asked = typeof refuse === "function" ? refuse(login, this.logins.length) : refuse;
    if (asked) return asked;
    const headers = { date: new Date(this.now()).toUTCString() };
    if (keys && !isSigned(login, keys, this.now())) return { status: 403, headers };
    const { sub = "", instance_id, on_duplicate, watches } = login.claims;
    if (watches && this.#roles.get(sub) === "agent") return { status: AGENT_WATCHES_STATUS };
    const holder = this.#openOf(sub).find(({ instanceId }) => instanceId !== instance_id);
    return holder && on_duplicate === "reject" ? { status: 409 } : undefined;
  }

  #answerHttp(request: HttpRequest): HttpResponse | undefined {
    const { refuseHttp, keys, httpRequests } = this;
    httpRequests.push(request);
    const asked =
      typeof refuseHttp === "function" ? refuseHttp(request, httpRequests.length) : refuseHttp;
    const { sub = "" } = request.claims;
    const now = this.now();
    const headers = { date: new Date(now).toUTCString() };
    let answer: HttpResponse | undefined = asked;
    if (asked?.status === 0) answer = undefined;
    else if (!asked && (!sub || (keys && !isSigned(request, keys, now)))) {
      answer = { status: request.token ? 403 : 401, headers };
    } else if (!asked) {
      const scene = { fleet: this.#fleet, now, open: this.#openOf(sub) };
      answer = { headers, ...this.#http.answer(request, scene) };
    }
    this.#changes.changed();
    return answer;
  }

  #accept(login: Login, transport: Transport): FakeConnection {
    const id = `connection-${this.connections.length + 1}`;
    const connection = new FakeConnection(id, login, transport, (look, what) =>
      this.until(look, what),
    );
    connection.answers = this.answers;
    const { agentId } = connection;
    const others = this.#openOf(agentId);
    this.connections.push(connection);
    if (this.#isAgent(agentId)) this.#fleet.acquire(connection, others);
    this.#changes.changed();
    return connection;
  }

  #isAgent(agentId: string): boolean {
    return agentId !== "" && this.#roleOf(agentId) === "agent";
  }

  #roleOf(agentId: string): Role {
    return this.#roles.get(agentId) ?? "agent";
  }

  #receive(connection: FakeConnection, text: string): void {
    const message = parsed(text);
    if (!message) {
      const expected = "expected a JSON object with a type, got another text";
      connection.send({ type: "error", code: "invalid_json", message: expected });
      return;
    }
    connection.messages.push(message);
    const given = connection.answers ? this.answer?.(message, connection) : null;
    const own = given === undefined ? this.#reply(connection, message) : given;
    if (own) connection.send({ ...own, ...("id" in message && { id: message.id }) });
    this.#changes.changed();
  }

  #reply(connection: FakeConnection, message: SentMessage): object | undefined {
    const { agentId } = connection;
    return replyTo(message, {
      role: this.#roleOf(agentId),
      connection,
      fleet: this.#fleet,
      now: this.now(),
      publish: (published) => {
        const sent = { ...published, from: agentId };
        const reached = this.reached ?? this.#router.deliver(sent);
        if (!sent.subject.startsWith("_inbox.")) this.published.push({ ...sent, reached });
        return reached;
      },
    });
  }

  #ended(connection: FakeConnection, close: ConnectionClose): void {
    if (connection.closed) return;
    connection.closed = close;
    this.#fleet.release(connection, close, this.#openOf(connection.agentId));
    this.#changes.changed();
  }

  #announce(transition: Transition): void {
    const subject = `presence.${agentToken(transition.agentId)}`;
    const message = { subject, data: transition, from: "service" };
    this.#router.deliver(message, transition.transitionId);
    if (transition.event === "offline") this.#router.answerFor(transition);
    this.#changes.changed();
  }
}

function parsed(text: string): SentMessage | undefined {
  try {
    const message = JSON.parse(text);
    return typeof message?.type === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}
