import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { WebSocket } from "ws";
import { FunctionThrottled } from "../../../../local/aws/functions/concurrency";
import { FrameSizes } from "../../../../local/aws/gateway/frame-sizes";
import { type Handlers, startGateway, type TestGateway } from "../../../../testing/local-gateway";

const ok = () => ({ statusCode: 200 });
const allow = (context: object = {}) => ({
  principalId: "me",
  policyDocument: {
    Statement: [
      { Action: "execute-api:Invoke", Effect: "Allow", Resource: "arn:aws:execute-api:*" },
    ],
  },
  context,
});

let current: TestGateway;
const start = async (...args: Parameters<typeof startGateway>) => {
  current = await startGateway(...args);
  return current;
};
afterEach(() => current.stop());

/** The stream of bytes below a client's socket, which its type does not show. */
const transportOf = (socket: WebSocket) => (socket as unknown as { _socket: Socket })._socket;

/** A handler that records its events. */
function recorder(answer: unknown = ok()) {
  // biome-ignore lint/suspicious/noExplicitAny: events are looked at freely
  const events: any[] = [];
  let arrived = () => {};
  const handler = (event: unknown) => {
    events.push(event);
    arrived();
    return answer;
  };
  const next = async () => {
    if (events.length === 0) {
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
    return events.shift();
  };
  return { events, handler, next };
}

describe("a handshake", () => {
  const identitySources = ["route.request.header.Sec-WebSocket-Protocol"];

  it("is refused with 401 without a call if the identity source is missing", async () => {
    const authorizer = recorder(allow());
    const { open } = await start(
      { $connect: ok, authorize: authorizer.handler },
      { identitySources },
    );
    await expect(open()).rejects.toThrow("401");
    expect(authorizer.events).toEqual([]);
  });

  it.each([
    ["403 if the policy denies", () => ({ ...allow(), policyDocument: { Statement: [] } }), "403"],
    [
      "403 if one statement denies",
      () => ({
        principalId: "me",
        policyDocument: {
          Statement: [
            ...allow().policyDocument.Statement,
            { Action: "*", Effect: "Deny", Resource: "*" },
          ],
        },
      }),
      "403",
    ],
    ["500 if the authorizer returns nothing of use", () => ({}), "500"],
    ["500 if the context holds an object", () => allow({ a: {} }), "500"],
    ["500 if the result is longer than 8 KB", () => allow({ a: "x".repeat(8192) }), "500"],
    [
      "500 if the authorizer throws",
      () => {
        throw new Error("broken");
      },
      "500",
    ],
  ])("is refused with %s", async (_, authorize, status) => {
    const connect = recorder();
    const { open } = await start({ authorize, $connect: connect.handler });
    await expect(open()).rejects.toThrow(status);
    expect(connect.events).toEqual([]);
  });

  it.each([409, 429, 503])("is refused with the status %d of $connect", async (statusCode) => {
    const { open } = await start({ $connect: () => ({ statusCode }) });
    await expect(open()).rejects.toThrow(String(statusCode));
  });

  it("is refused with 502 if $connect throws, and the problem is reported", async () => {
    const $connect = () => {
      throw new Error("no table");
    };
    const { open, problems } = await start({ $connect });
    await expect(open()).rejects.toThrow("502");
    expect(problems).toEqual(["The route $connect failed: no table"]);
  });

  it("is refused with 500 if the authorizer or $connect is throttled", async () => {
    const throttled = () => {
      throw new FunctionThrottled("Function", "ConcurrentInvocationLimitExceeded");
    };
    const first = await start({ authorize: throttled, $connect: ok });
    await expect(first.open()).rejects.toThrow("500");
    await first.stop();
    const { open } = await start({ $connect: throttled });
    await expect(open()).rejects.toThrow("500");
  });

  it("is refused with 403 at any path but the stage's", async () => {
    const { url } = await start({});
    const response = await fetch(url.replace("ws:", "http:").replace("prod", "test"));
    expect(response.status).toBe(403);
  });

  it("selects the subprotocol that $connect names", async () => {
    const headers = { "sec-websocket-protocol": "b" };
    const { open } = await start({ $connect: () => ({ statusCode: 200, headers }) });
    const { socket } = await open({ protocols: ["a", "b"] });
    expect(socket.protocol).toBe("b");
  });

  it("has the connection id in the body of a refusal, and the server's time", async () => {
    const { url } = await start({ $connect: () => ({ statusCode: 409 }) });
    const { status, headers, body } = await refusalOf(url);
    expect({ status, body: JSON.parse(body) }).toEqual({
      status: 409,
      body: {
        message: "Conflict",
        connectionId: expect.any(String),
        requestId: expect.any(String),
      },
    });
    expect(Math.abs(Date.parse(headers.date ?? "") - Date.now())).toBeLessThan(60_000);
  });
});

/** How a WebSocket client sees a refused handshake. */
function refusalOf(url: string) {
  return new Promise<{ status?: number; headers: IncomingHttpHeaders; body: string }>((resolve) => {
    const socket = new WebSocket(url);
    socket.on("error", () => {});
    socket.on("unexpected-response", (_, response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      const { statusCode: status, headers } = response;
      response.on("end", () => resolve({ headers, body, ...(status && { status }) }));
    });
  });
}

describe("an event", () => {
  it("has the form of AWS's examples on every route", async () => {
    const authorizer = recorder(allow({ tier: 3, paid: true }));
    const [connect, message, disconnect] = [recorder(), recorder(), recorder()];
    const { open, host, clock } = await start({
      authorize: authorizer.handler,
      $connect: connect.handler,
      ping: message.handler,
      $disconnect: disconnect.handler,
    });
    const client = await open({ headers: { "X-Tenant": "t" } });
    client.socket.send('{"type":"ping"}');
    await message.next().then((event) => {
      expect(event).toMatchObject({ body: '{"type":"ping"}', isBase64Encoded: false });
      expect(event.requestContext).toEqual({
        routeKey: "ping",
        eventType: "MESSAGE",
        messageDirection: "IN",
        messageId: expect.stringMatching(/^[\w-]{15}=$/),
        requestId: expect.stringMatching(/^[\w-]{15}=$/),
        extendedRequestId: event.requestContext.requestId,
        requestTime: "15/Jan/2027:08:00:00 +0000",
        requestTimeEpoch: clock.now(),
        connectionId: expect.stringMatching(/^[\w-]{15}=$/),
        connectedAt: clock.now(),
        apiId: "abcdef1234",
        stage: "prod",
        domainName: host,
        identity: { sourceIp: "127.0.0.1" },
        authorizer: {
          principalId: "me",
          tier: "3",
          paid: "true",
          integrationLatency: expect.any(Number),
        },
      });
    });
    expect(authorizer.events[0]).toMatchObject({
      type: "REQUEST",
      methodArn: "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/$connect",
      headers: { "X-Tenant": "t" },
      requestContext: { eventType: "CONNECT", routeKey: "$connect", domainName: host },
    });
    expect(connect.events[0]).toMatchObject({
      headers: { "X-Tenant": "t", Host: host },
      multiValueHeaders: { "X-Tenant": ["t"] },
      requestContext: { eventType: "CONNECT", authorizer: { principalId: "me", tier: "3" } },
    });
    client.socket.close(1000, "drained");
    expect(await disconnect.next()).toMatchObject({
      headers: { Host: host },
      requestContext: {
        eventType: "DISCONNECT",
        routeKey: "$disconnect",
        disconnectStatusCode: 1000,
        disconnectReason: "drained",
        authorizer: { principalId: "me", tier: "3", paid: "true" },
      },
    });
  });

  it.each([
    ["no status", (socket: { close(): void }) => socket.close(), 1005],
    ["an abrupt end", (socket: { terminate(): void }) => socket.terminate(), 1006],
  ])("of $disconnect reports %s", async (_, end, code) => {
    const disconnect = recorder();
    const { open } = await start({ $disconnect: disconnect.handler });
    const { socket } = await open();
    end(socket);
    const { requestContext } = await disconnect.next();
    expect(requestContext.disconnectStatusCode).toBe(code);
  });
});

describe("a message", () => {
  const routes: Handlers = {
    echo: ({ body, requestContext }) => ({
      statusCode: 200,
      body: `{"echo":${body},"at":"${requestContext.routeKey}"}`,
    }),
    $default: ({ body }) => ({ statusCode: 200, body: JSON.stringify({ default: body }) }),
  };

  it.each([
    "not JSON",
    "[]",
    "null",
    '{"type":{}}',
    '{"type":"other"}',
    '{"type":"$connect"}',
    '{"a":1}',
  ])("invokes $default if it matches no route: %s", async (body) => {
    const { open } = await start({ ...routes, $connect: ok });
    const client = await open();
    client.socket.send(body);
    expect(await client.next()).toEqual({ default: body });
  });

  it("is answered through the route's response", async () => {
    const { open } = await start(routes);
    const client = await open();
    client.socket.send('{"type":"echo"}');
    expect(await client.next()).toEqual({ echo: { type: "echo" }, at: "echo" });
  });

  it("is not answered by a route without a response", async () => {
    const { open } = await start(routes, { silentRoutes: ["echo"] });
    const client = await open();
    client.socket.send('{"type":"echo"}');
    client.socket.send("x");
    expect(await client.next()).toEqual({ default: "x" });
  });

  it("is answered with Forbidden if there is no route for it", async () => {
    const { open } = await start({});
    const client = await open();
    client.socket.send("x");
    expect(await client.next()).toMatchObject({
      message: "Forbidden",
      connectionId: expect.any(String),
    });
  });

  it("is answered with an internal error if the function throws, and the connection stays open", async () => {
    const fail = () => {
      throw new Error("broken");
    };
    const { open, problems } = await start({ ...routes, fail });
    const client = await open();
    client.socket.send('{"type":"fail"}');
    expect(await client.next()).toEqual({
      message: "Internal server error",
      connectionId: expect.any(String),
      requestId: expect.any(String),
    });
    expect(problems).toEqual(["The route fail failed: broken"]);
    client.socket.send("x");
    expect(await client.next()).toEqual({ default: "x" });
  });

  it("is answered with an internal error if the function is throttled, and the problem is reported", async () => {
    const full = () => {
      throw new FunctionThrottled("Full", "ConcurrentInvocationLimitExceeded");
    };
    const { open, problems } = await start({ ...routes, full });
    const client = await open();
    client.socket.send('{"type":"full"}');
    expect(await client.next()).toMatchObject({ message: "Internal server error" });
    expect(problems).toEqual([expect.stringContaining("TooManyRequestsException")]);
  });

  it("times out after 29 seconds, and is discarded if the function has not started it", async () => {
    const waiting = recorder(new Promise(() => {}));
    let given: AbortSignal | undefined;
    const slow = (event: unknown, signal?: AbortSignal) => {
      given = signal;
      return waiting.handler(event);
    };
    const { open, clock } = await start({ ...routes, slow });
    const client = await open();
    client.socket.send('{"type":"slow"}');
    await waiting.next();
    clock.advance(28_999);
    expect(given?.aborted).toBe(false);
    clock.advance(1);
    expect(given?.aborted).toBe(true);
    expect(await client.next()).toMatchObject({ message: "Internal server error" });
  });

  it("does not wait for the previous one", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = () => held.then(() => ({ statusCode: 200, body: '"slow"' }));
    const { open } = await start({ ...routes, slow });
    const client = await open();
    client.socket.send('{"type":"slow"}');
    client.socket.send("fast");
    expect(await client.next()).toEqual({ default: "fast" });
    release();
    expect(await client.next()).toBe("slow");
  });
});

describe("the limits", () => {
  const routes: Handlers = {
    $default: ({ body }) => ({ statusCode: 200, body: String(body.length) }),
  };

  it("allow a message of 128 KB in frames of 32 KB", async () => {
    const { open } = await start(routes);
    const client = await open();
    const part = "x".repeat(32 * 1024);
    for (let sent = 1; sent <= 4; sent++) client.socket.send(part, { fin: sent === 4 });
    expect(await client.next()).toBe(128 * 1024);
  });

  it.each([
    ["a frame over 32 KB", 1009, (socket: WebSocket) => socket.send("x".repeat(32 * 1024 + 1))],
    [
      "a message of 200 KB in one frame",
      1009,
      (socket: WebSocket) => socket.send("x".repeat(200 * 1024)),
    ],
    [
      "a message over 128 KB in small frames",
      1009,
      (socket: WebSocket) => {
        for (let sent = 1; sent <= 5; sent++) {
          socket.send("x".repeat(32 * 1024), { fin: sent === 5 });
        }
      },
    ],
    ["a binary message", 1003, (socket: WebSocket) => socket.send(Buffer.from("{}"))],
  ])("close a connection for %s with code %d", async (_, code, act) => {
    const disconnect = recorder();
    const { open } = await start({ ...routes, $disconnect: disconnect.handler });
    const client = await open();
    act(client.socket);
    expect(await client.closed).toBe(code);
    const { requestContext } = await disconnect.next();
    expect(requestContext.disconnectStatusCode).toBe(code);
    expect(disconnect.events).toEqual([]);
  });

  it("carry an answer of 128 KB in frames of 32 KB, and none that is larger", async () => {
    const sizes = [128 * 1024, 128 * 1024 + 1];
    const { open, problems } = await start({
      $connect: ok,
      big: () => ({ statusCode: 200, body: JSON.stringify("x".repeat((sizes.shift() ?? 0) - 2)) }),
    });
    const { socket, next } = await open();
    const frames = new FrameSizes();
    let exceeded = false;
    transportOf(socket).on("data", (chunk: Buffer) => {
      exceeded ||= frames.exceeds(32 * 1024, chunk);
    });
    socket.send('{"type":"big"}');
    expect(await next()).toHaveLength(128 * 1024 - 2);
    expect(exceeded).toBe(false);
    socket.send('{"type":"big"}');
    expect(await next()).toMatchObject({ message: "Internal server error" });
    expect(problems).toEqual([expect.stringContaining("at most 131072 bytes, got one of 131073")]);
  });

  it("close a connection that is idle for ten minutes with code 1001", async () => {
    const disconnect = recorder();
    const { open, clock } = await start({ ...routes, $disconnect: disconnect.handler });
    const [idle, busy] = [await open(), await open()];
    for (let minute = 0; minute < 9; minute++) clock.advance(60_000);
    busy.socket.send("x");
    await busy.next();
    clock.advance(60_000);
    expect(await idle.closed).toBe(1001);
    expect((await disconnect.next()).requestContext.disconnectStatusCode).toBe(1001);
    busy.socket.send("x");
    expect(await busy.next()).toBe(1);
  });

  it("close a busy connection after two hours with code 1001", async () => {
    const { open, clock, gateway } = await start(routes);
    const client = await open();
    for (let minute = 0; minute < 120; minute += 6) {
      client.socket.send("x");
      await client.next();
      clock.advance(6 * 60_000);
    }
    expect(await client.closed).toBe(1001);
    expect(gateway.connectionCount).toBe(0);
  });
});

describe("a result without a body", () => {
  it("sends an empty frame if the route has a response, and nothing otherwise", async () => {
    const answered = () => ({ statusCode: 200, body: '{"type":"answered"}' });
    const { open } = await start(
      { $connect: ok, loud: ok, quiet: ok, answered },
      { silentRoutes: ["quiet"] },
    );
    const { socket, next } = await open();
    const frames: string[] = [];
    socket.on("message", (data) => frames.push(data.toString()));
    for (const [type, count] of [
      ["quiet", 1],
      ["loud", 3],
    ] as const) {
      socket.send(JSON.stringify({ type }));
      await current.gateway.settled();
      socket.send('{"type":"answered"}');
      await next();
      expect(frames).toHaveLength(count);
    }
    expect(frames).toEqual(['{"type":"answered"}', "", '{"type":"answered"}']);
  });
});
