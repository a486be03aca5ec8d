import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { startGateway, type TestClient, type TestGateway } from "../../../../testing/local-gateway";

describe("the @connections API", () => {
  let gateway: TestGateway;
  let api: ApiGatewayManagementApiClient;
  let connectionId: string;
  let during: unknown;
  let codes: number[];

  beforeEach(async () => {
    codes = [];
    gateway = await startGateway({
      $connect: async ({ requestContext }) => {
        connectionId = requestContext.connectionId;
        during = await post().catch((error: Error) => error.name);
        return { statusCode: 200 };
      },
      $disconnect: ({ requestContext }) => {
        codes.push(requestContext.disconnectStatusCode);
        return { statusCode: 200 };
      },
    });
    api = new ApiGatewayManagementApiClient({
      endpoint: `http://${gateway.host}/prod`,
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    });
  });
  afterEach(async () => {
    api.destroy();
    await gateway.stop();
  });

  const post = (Data = '"hello"', ConnectionId = connectionId) =>
    api.send(new PostToConnectionCommand({ ConnectionId, Data }));
  const client = (): Promise<TestClient> => gateway.open();

  it("posts to a connection", async () => {
    const { next } = await client();
    await post('{"a":1}');
    expect(await next()).toEqual({ a: 1 });
  });

  it("responds 410 for a connection whose $connect has not returned", async () => {
    await client();
    expect(during).toBe("GoneException");
  });

  it("closes a connection with code 1000, and calls $disconnect once", async () => {
    const { closed } = await client();
    await api.send(new DeleteConnectionCommand({ ConnectionId: connectionId }));
    await expect(post()).rejects.toThrow(expect.objectContaining({ name: "GoneException" }));
    expect(await closed).toBe(1000);
    await gateway.gateway.settled();
    expect(codes).toEqual([1000]);
  });

  it("responds 410 for a connection that the client closed", async () => {
    const { socket, closed } = await client();
    socket.close();
    await closed;
    await expect(post()).rejects.toMatchObject({
      name: "GoneException",
      $metadata: { httpStatusCode: 410 },
    });
  });

  it("returns when a connection began and was last active", async () => {
    await client();
    const connectedAt = new Date(gateway.clock.now());
    gateway.clock.advance(5000);
    await post();
    const found = await api.send(new GetConnectionCommand({ ConnectionId: connectionId }));
    expect(found).toMatchObject({
      ConnectedAt: connectedAt,
      LastActiveAt: new Date(gateway.clock.now()),
      Identity: { SourceIp: "127.0.0.1" },
    });
  });

  it("refuses a message over 128 KB", async () => {
    await client();
    await expect(post("x".repeat(128 * 1024 + 1))).rejects.toMatchObject({
      name: "PayloadTooLargeException",
      $metadata: { httpStatusCode: 413 },
    });
    await expect(post(`"${"x".repeat(128 * 1024 - 2)}"`)).resolves.toBeDefined();
  });

  it("refuses an invalid id, and an unsigned request", async () => {
    await client();
    await expect(post("x", "nobody")).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    const url = `http://${gateway.host}/prod/@connections/${encodeURIComponent(connectionId)}`;
    expect((await fetch(url, { method: "POST", body: "x" })).status).toBe(403);
  });
});
