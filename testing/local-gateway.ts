/** A local gateway with real sockets and with functions of the test. */

import { once } from "node:events";
import { type ClientOptions, WebSocket } from "ws";
import type { Invocable } from "../local/aws/functions/local-function";
import { connectionsApi } from "../local/aws/gateway/connections-api";
import { Gateway } from "../local/aws/gateway/gateway";
import { listen } from "../local/aws/http";
import type {
  RouteDescription,
  ThrottlingDescription,
} from "../local/aws/resources/web-socket-api";
import { FakeClock } from "./local-clock";

// biome-ignore lint/suspicious/noExplicitAny: tests access events freely
export type Handler = (event: any, signal?: AbortSignal) => unknown;

/** Functions by route key. `authorize` is the authorizer. */
export type Handlers = Record<string, Handler>;

export interface TestGateway {
  clock: FakeClock;
  gateway: Gateway;
  url: string;
  /** Host and port. */
  host: string;
  problems: string[];
  /** Opens a connection. @throws Error with the status in its message, if it is rejected */
  open(options?: ClientOptions & { protocols?: string[] }): Promise<TestClient>;
  stop(): Promise<void>;
}

export interface TestClient {
  socket: WebSocket;
  /** The next message, parsed. */
  next(): Promise<unknown>;
  /** Resolves to the close code. */
  closed: Promise<number>;
}

export async function startGateway(
  handlers: Handlers,
  {
    identitySources = [] as string[],
    silentRoutes = [] as string[],
    extraRoutes = [] as RouteDescription[],
    throttling = { routes: new Map() } as ThrottlingDescription,
  } = {},
): Promise<TestGateway> {
  const clock = new FakeClock();
  const problems: string[] = [];
  const { server, port } = await listen(0);
  const host = `127.0.0.1:${port}`;
  const functionOf = (arn: string): Invocable => ({
    invoke: async (event, signal) => handlers[arn]?.(event, signal),
  });
  const routes = Object.keys(handlers)
    .filter((key) => key !== "authorize")
    .map((key): [string, RouteDescription] => [
      key,
      {
        key,
        integration: { functionArn: key, timeoutMs: 29_000 },
        returnsResponse: !silentRoutes.includes(key),
        ...(key === "$connect" &&
          handlers.authorize && { authorizer: { functionArn: "authorize", identitySources } }),
      },
    ]);
  const gateway = new Gateway({
    api: {
      apiId: "abcdef1234",
      stage: "prod",
      paths: new Set(["/prod"]),
      routeSelectionExpression: "$request.body.type",
      throttling,
      routes: new Map([
        ...routes,
        ...extraRoutes.map((route): [string, RouteDescription] => [route.key, route]),
      ]),
    },
    functionOf,
    clock,
    region: "us-east-1",
    accountId: "123456789012",
    report: (problem) => problems.push(problem),
  });
  const api = connectionsApi(gateway, "prod");
  server.on("request", (request, response) => {
    if (!api(request, response)) response.writeHead(403).end();
  });
  server.on("upgrade", (request, socket, head) => gateway.upgrade(request, socket, head));
  const sockets: WebSocket[] = [];
  const url = `ws://${host}/prod`;
  return {
    clock,
    gateway,
    url,
    host,
    problems,
    async open({ protocols = [], ...options } = {}) {
      const socket = new WebSocket(url, protocols, options);
      sockets.push(socket);
      const waiting: ((message: unknown) => void)[] = [];
      const arrived: unknown[] = [];
      socket.on("message", (data) => {
        const text = data.toString();
        if (text === "") return;
        const message: unknown = JSON.parse(text);
        const waiter = waiting.shift();
        if (waiter) waiter(message);
        else arrived.push(message);
      });
      const closed = new Promise<number>((resolve) => socket.on("close", resolve));
      await once(socket, "open");
      return {
        socket,
        closed,
        next: async () => arrived.shift() ?? new Promise((resolve) => waiting.push(resolve)),
      };
    },
    async stop() {
      for (const socket of sockets) socket.terminate();
      await gateway.stop();
      server.closeAllConnections();
      server.close();
    },
  };
}
