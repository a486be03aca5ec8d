/** Compares the local gateway with what is known of API Gateway: see the table in docs/local-runtime.md. */

import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { afterEach, describe, expect, it } from "@jest/globals";
import { WebSocket } from "ws";
import { AUTHORIZER_RESULT_BYTES } from "../../../../local/aws/gateway/authorizer";
import { GATEWAY_LIMITS } from "../../../../local/aws/gateway/client-connection";
import {
  type Handlers,
  startGateway,
  type TestClient,
  type TestGateway,
} from "../../../../testing/local-gateway";
import { endings, eventFixture, formOf, managementApi, quotas, replies } from "./fixtures";

const ok = { statusCode: 200 };
const API = { region: "us-east-1", credentials: { accessKeyId: "x", secretAccessKey: "x" } };

let gateway: TestGateway;
let api: ApiGatewayManagementApiClient;
let connectionId: string;
async function start(handlers: Handlers): Promise<TestGateway> {
  const $connect = (event: { requestContext: { connectionId: string } }) => {
    connectionId = event.requestContext.connectionId;
    return handlers.$connect?.(event) ?? ok;
  };
  gateway = await startGateway({ ...handlers, $connect });
  api = new ApiGatewayManagementApiClient({ ...API, endpoint: `http://${gateway.host}/prod` });
  return gateway;
}
afterEach(async () => {
  api.destroy();
  await gateway.stop();
});

/** A handler and its next event. */
function awaited(answer: unknown = ok) {
  let arrived: (event: unknown) => void;
  // biome-ignore lint/suspicious/noExplicitAny: events are looked at freely
  const event = new Promise<any>((resolve) => {
    arrived = resolve;
  });
  return {
    event,
    handler: (given: unknown) => {
      arrived(given);
      return answer;
    },
  };
}

describe("an event has the same form as AWS's", () => {
  it("at $connect", async () => {
    const { event, handler } = awaited();
    await (await start({ $connect: handler })).open();
    expect(formOf(await event)).toEqual(formOf(eventFixture("connect")));
  });

  it("of a message", async () => {
    const { event, handler } = awaited();
    const { socket } = await (await start({ chat: handler })).open();
    socket.send('{"type":"chat"}');
    expect(formOf(await event)).toEqual(formOf(eventFixture("message")));
  });

  it("at $disconnect", async () => {
    const { event, handler } = awaited();
    const { socket } = await (await start({ $disconnect: handler })).open();
    socket.close();
    expect(formOf(await event)).toEqual(formOf(eventFixture("disconnect")));
  });

  it("for the authorizer", async () => {
    const { event, handler } = awaited({ principalId: "me" });
    const { url } = await start({ authorize: handler });
    const headers = { HeaderAuth1: "headerValue1" };
    const socket = new WebSocket(`${url}?QueryString1=queryValue1`, { headers });
    socket.on("error", () => {});
    const found = await event;
    const expected = eventFixture("authorizer");
    expect(formOf(found)).toEqual({
      ...(formOf(expected) as object),
      methodArn: "method",
    });
    const { Connection, Upgrade, "content-length": length } = found.headers;
    expect(expected.headers).toMatchObject({ Connection, Upgrade, "content-length": length });
    expect(found.queryStringParameters).toEqual(expected.queryStringParameters);
  });

  it("with every value of a repeated header or query parameter, and the last one separately", async () => {
    const { event, handler } = awaited();
    const { url } = await start({ $connect: handler });
    const headers = { "X-Many": ["a", "b"] } as never;
    const socket = new WebSocket(`${url}?q=1&q=2`, { headers });
    expect(await event).toMatchObject({
      headers: { "X-Many": "b" },
      multiValueHeaders: { "X-Many": ["a", "b"] },
      queryStringParameters: { q: "2" },
      multiValueQueryStringParameters: { q: ["1", "2"] },
    });
    socket.on("error", () => {}).terminate();
  });

  it("with the authorizer's context, whose values are all strings", async () => {
    const { event, handler } = awaited();
    const Statement = [{ Action: "execute-api:Invoke", Effect: "Allow", Resource: "*" }];
    // https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
    const context = { key: "value", numKey: 1, boolKey: true };
    const authorize = () => ({ principalId: "user", policyDocument: { Statement }, context });
    const { socket } = await (await start({ authorize, $disconnect: handler })).open();
    socket.close();
    expect((await event).requestContext.authorizer).toMatchObject({
      principalId: "user",
      key: "value",
      numKey: "1",
      boolKey: "true",
    });
  });
});

describe("$disconnect reports the close code as AWS does", () => {
  const acts: Record<string, (client: TestClient) => unknown> = {
    "the client closes without a code": ({ socket }) => socket.close(),
    "the client closes with a code and a reason": ({ socket }) =>
      socket.close(1000, "the client is closing"),
    "the service deletes the connection": () =>
      api.send(new DeleteConnectionCommand({ ConnectionId: connectionId })),
    "the connection idles": () => gateway.clock.advance(quotas().quotas.idleMs ?? 0),
  };

  it.each(endings())("when $when", async ({ when, disconnectStatusCode, disconnectReason }) => {
    const { event, handler } = awaited();
    const client = await (await start({ $disconnect: handler })).open();
    await acts[when]?.(client);
    expect((await event).requestContext).toMatchObject({ disconnectStatusCode, disconnectReason });
  });
});

describe("a client receives exactly what AWS sends in place of a reply", () => {
  const handlers: Record<string, Handlers> = {
    "no route": {},
    "the function throws": {
      $default: () => {
        throw new Error("broken");
      },
    },
  };
  const withoutIds = (frame: string) => frame.replace(/[\w-]{15}=/g, "id");

  it.each(replies())("for $when", async ({ when, frame }) => {
    const { socket } = await (await start(handlers[when] ?? {})).open();
    const sent = new Promise<string>((resolve) =>
      socket.once("message", (data) => resolve(String(data))),
    );
    socket.send("x");
    expect(withoutIds(await sent)).toBe(withoutIds(frame));
  });

  it("if the integration has not responded within 29 seconds", async () => {
    const called = awaited();
    const slow = (event: unknown) => {
      called.handler(event);
      return new Promise(() => {});
    };
    const client = await (await start({ $default: slow })).open();
    client.socket.send("x");
    await called.event;
    gateway.clock.advance((quotas().quotas.integrationTimeoutMs ?? 0) - 1);
    expect(gateway.problems).toEqual([]);
    gateway.clock.advance(1);
    expect(await client.next()).toMatchObject({ message: "Internal server error" });
  });
});

describe("the quotas equal AWS's", () => {
  it("for frames, messages, idle time, duration and the authorizer's result", async () => {
    await start({});
    const { idleMs, durationMs, frameBytes, messageBytes, authorizerResultBytes } = quotas().quotas;
    expect(GATEWAY_LIMITS).toEqual({ idleMs, durationMs, frameBytes, messageBytes });
    expect(AUTHORIZER_RESULT_BYTES).toBe(authorizerResultBytes);
  });

  it("with the close code for frames and messages that are too large", async () => {
    const { socket, closed } = await (await start({ $default: () => ok })).open();
    socket.send("x".repeat((quotas().quotas.frameBytes ?? 0) + 1));
    expect(await closed).toBe(quotas().closeCodeOfTooLarge);
  });
});

describe("@connections responds with AWS's statuses", () => {
  const { errors, maxDataBytes, deleteStatus } = managementApi();
  const post = (Data: string) =>
    api.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data }));
  const failed = (name: string) => ({ name, $metadata: { httpStatusCode: errors[name] } });

  it("for a message that is too large, and for a connection that is gone", async () => {
    const client = await (await start({})).open();
    await expect(post("x".repeat(maxDataBytes + 1))).rejects.toMatchObject(
      failed("PayloadTooLargeException"),
    );
    const { $metadata } = await api.send(
      new DeleteConnectionCommand({ ConnectionId: connectionId }),
    );
    expect($metadata.httpStatusCode).toBe(deleteStatus);
    await client.closed;
    await expect(post("x")).rejects.toMatchObject(failed("GoneException"));
  });

  it("for a client that does not read its messages", async () => {
    const { socket } = await (await start({})).open();
    socket.pause();
    const flood = async () => {
      for (;;) await post("x".repeat(maxDataBytes));
    };
    await expect(flood()).rejects.toMatchObject(failed("LimitExceededException"));
  });
});
