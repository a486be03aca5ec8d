/** Emulates a WebSocket API of API Gateway: handshakes, routes and connections. */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { Clock } from "../clock";
import { FunctionThrottled } from "../functions/concurrency";
import { hostOf } from "../guard";
import type { RouteDescription, WebSocketApiDescription } from "../resources/web-socket-api";
import { authorize } from "./authorizer";
import { ClientConnection, GATEWAY_LIMITS } from "./client-connection";
import { newId } from "./ids";
import { type Backends, integrationOf } from "./integration";
import type { Integration, IntegrationResult } from "./integration-result";
import { refuseUpgrade } from "./refusal";
import {
  type ConnectionFacts,
  connectEvent,
  disconnectEvent,
  errorFrame,
  type Handshake,
  handshakeOf,
  messageEvent,
} from "./request-context";
import { type RouteSelector, routeSelector } from "./route-selection";
import { Throttle } from "./throttle";

const RESERVED_ROUTES = new Set(["$connect", "$disconnect", "$default"]);

export interface GatewayOptions extends Backends {
  api: WebSocketApiDescription;
  clock: Clock;
  region: string;
  accountId: string;
  /** Called for failures that clients see as internal errors. */
  report(problem: string): void;
}

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #connections = new Map<string, ClientConnection>();
  readonly #integrations = new Map<string, Integration>();
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #select: RouteSelector;
  readonly #throttle: Throttle;
  readonly #protocols = new WeakMap<IncomingMessage, string>();
  readonly #server: WebSocketServer;
  #stopped = false;

  /** @throws Error if a route's function is missing, or the route selection is not supported */
  constructor(options: GatewayOptions) {
    this.#options = options;
    const { api, clock } = options;
    this.#select = routeSelector(api.routeSelectionExpression);
    this.#throttle = new Throttle(api.throttling, clock);
    for (const { key, integration } of api.routes.values()) {
      if (integration) this.#integrations.set(key, integrationOf(integration, options, clock));
    }
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: GATEWAY_LIMITS.messageBytes,
      handleProtocols: (_, request) => this.#protocols.get(request) ?? false,
    });
  }

  /** An open connection. `$connect` has accepted it, and it has not ended. */
  connection(connectionId: string): ClientConnection | undefined {
    return this.#connections.get(connectionId);
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Handles the `upgrade` event of an HTTP server. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    this.#track(this.#connect(request, socket, head));
  }

  /** Closes every connection, and waits until each `$disconnect` has finished. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const connection of [...this.#connections.values()]) connection.end(1001, "Going away");
    await this.settled();
  }

  /** Waits until all calls have finished. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  async #connect(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { api, clock } = this.#options;
    const facts = this.#factsOf(request);
    const handshake = handshakeOf(request, facts.connectedAt);
    const requestId = newId();
    const { connectionId } = facts;
    const refuse = (status: number, headers?: Record<string, string>) =>
      refuseUpgrade(socket, status, { connectionId, requestId }, headers);
    if (this.#stopped) return refuse(503);
    if (!api.paths.has(pathOf(request))) return refuse(403);
    if (!this.#throttle.admits("$connect")) return refuse(429);
    const route = api.routes.get("$connect");
    try {
      if (route?.authorizer) {
        const verdict = await this.#authorize(route, handshake, facts);
        if (!verdict.allowed) return refuse(verdict.status);
        facts.authorizer = verdict.context;
      }
    } catch (error) {
      this.#report("The authorizer failed", error);
      return refuse(500);
    }
    let answer: IntegrationResult | undefined;
    try {
      answer = await this.#integrations.get("$connect")?.(
        connectEvent(facts, handshake, clock.now()),
      );
    } catch (error) {
      this.#report("The route $connect failed", error);
      return refuse(error instanceof FunctionThrottled ? 500 : 502);
    }
    if (answer && (answer.statusCode < 200 || answer.statusCode > 299)) {
      return refuse(answer.statusCode, answer.headers);
    }
    const protocol = answer && headerOf(answer, "sec-websocket-protocol");
    if (protocol) this.#protocols.set(request, protocol);
    if (this.#stopped || socket.destroyed) {
      socket.destroy();
      return this.#disconnected(facts, 1006, "");
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new ClientConnection(facts, webSocket, socket, clock, {
        message: (from, text) => this.#track(this.#message(from, text)),
        ended: ({ facts }, code, reason) => {
          this.#connections.delete(facts.connectionId);
          this.#track(this.#disconnected(facts, code, reason));
        },
      });
      this.#connections.set(connectionId, connection);
    });
  }

  #authorize(route: RouteDescription, handshake: Handshake, facts: ConnectionFacts) {
    const { api, functionOf, clock, region, accountId } = this.#options;
    const authorizer = route.authorizer as NonNullable<RouteDescription["authorizer"]>;
    return authorize(authorizer, functionOf(authorizer.functionArn), {
      facts,
      handshake,
      methodArn: `arn:aws:execute-api:${region}:${accountId}:${api.apiId}/${api.stage}/$connect`,
      now: clock.now(),
    });
  }

  async #message(connection: ClientConnection, body: string): Promise<void> {
    const { api, clock } = this.#options;
    const { facts } = connection;
    const selected = this.#select(body);
    const own = selected !== undefined && !RESERVED_ROUTES.has(selected);
    const route = (own ? api.routes.get(selected) : undefined) ?? api.routes.get("$default");
    const integration = route && this.#integrations.get(route.key);
    const event = messageEvent(facts, route?.key ?? "$default", body, clock.now());
    const fail = (message: string) => connection.send(errorFrame(message, event.requestContext));
    if (!integration) return fail("Forbidden");
    if (!this.#throttle.admits(route.key)) return fail("Too Many Requests");
    try {
      const answer = await integration(event);
      // A response without a body becomes an empty frame, as users of API Gateway have reported.
      if (route.returnsResponse) connection.send(answer.body ?? "");
    } catch (error) {
      this.#report(`The route ${route.key} failed`, error);
      fail("Internal server error");
    }
  }

  async #disconnected(facts: ConnectionFacts, code: number, reason: string): Promise<void> {
    try {
      const event = disconnectEvent(facts, code, reason, this.#options.clock.now());
      await this.#integrations.get("$disconnect")?.(event);
    } catch (error) {
      this.#report("The route $disconnect failed", error);
    }
  }

  #factsOf(request: IncomingMessage): ConnectionFacts {
    const { api, clock } = this.#options;
    const { host = "", "user-agent": userAgent } = request.headers;
    return {
      connectionId: newId(),
      connectedAt: clock.now(),
      apiId: api.apiId,
      stage: api.stage,
      // The name that the client used, because its token is for that name.
      domainName: hostOf(host)?.text ?? "",
      identity: { sourceIp: request.socket.remoteAddress ?? "", ...(userAgent && { userAgent }) },
    };
  }

  #track(work: Promise<void>): void {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }

  #report(what: string, error: unknown): void {
    this.#options.report(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The path without trailing slashes, as in a login token's audience. */
function pathOf({ url = "/" }: IncomingMessage): string {
  const path = url.replace(/[?#].*$/s, "").replace(/\/+$/, "");
  return path === "" ? "/" : path;
}

function headerOf({ headers }: IntegrationResult, name: string): string | undefined {
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name);
  return found?.[1];
}
