import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { WebSocket } from "ws";
import type { BusEvent } from "../../../local/aws/events/event-bus";
import { type LocalRuntime, startLocalRuntime } from "../../../local/aws/runtime";
import { FakeClock } from "../../../testing/local-clock";

const assemblyDirectory = join(__dirname, "fixture");

async function open(runtime: LocalRuntime, user = "ann"): Promise<WebSocket> {
  const socket = new WebSocket(runtime.webSocketUrl, { headers: { "x-user": user } });
  await once(socket, "open");
  return socket;
}

async function ask(socket: WebSocket, message: object): Promise<Record<string, unknown>> {
  const answer = once(socket, "message");
  socket.send(JSON.stringify(message));
  return JSON.parse(String((await answer)[0]));
}

/** The next event of a kind. */
function eventFrom(runtime: LocalRuntime, wanted: (event: BusEvent) => boolean): Promise<BusEvent> {
  return new Promise((resolve) => {
    const stop = runtime.onEvent((event) => {
      if (!wanted(event)) return;
      stop();
      resolve(event);
    });
  });
}

describe("a running stack", () => {
  let runtime: LocalRuntime;
  let db: DynamoDBClient;
  let logDirectory: string;
  const problems: string[] = [];

  beforeAll(async () => {
    logDirectory = mkdtempSync(join(tmpdir(), "local-runtime-"));
    const onProblem = (problem: string) => problems.push(problem);
    runtime = await startLocalRuntime({ assemblyDirectory, logDirectory, onProblem });
    const { dynamoDbEndpoint: endpoint, region } = runtime;
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    db = new DynamoDBClient({ endpoint, region, credentials });
  });
  afterAll(async () => {
    db?.destroy();
    await runtime?.stop();
    rmSync(logDirectory, { recursive: true });
  });

  const put = (id: string, loud: boolean) =>
    db.send(
      new PutItemCommand({
        TableName: runtime.outputs.StatusTableName,
        Item: { id: { S: id }, loud: { BOOL: loud }, owner: { S: "ann" } },
      }),
    );

  it("returns the local addresses of the template's outputs", () => {
    expect(runtime.webSocketUrl).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/test$/);
    expect(runtime.dynamoDbEndpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(runtime.outputs).toEqual({
      WebSocketUrl: runtime.webSocketUrl,
      HttpUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/$/),
      StatusTableName: "Fixture-Items",
      RegistryTableName: "Fixture-Items",
      EventBusName: "fixture-bus",
    });
  });

  it("calls the authorizer, and passes its context to routes", async () => {
    await expect(open(runtime, "mallory")).rejects.toThrow("403");
    const socket = await open(runtime);
    const answer = await ask(socket, { type: "echo" });
    expect(answer).toMatchObject({
      user: "ann",
      requestId: expect.stringMatching(/^[\da-f-]{36}$/),
    });
    expect(answer.remaining).toBeGreaterThan(4000);
    socket.terminate();
  });

  it("gives a function the template's variables and nothing of this process's", async () => {
    const socket = await open(runtime);
    const { environment } = await ask(socket, { type: "echo", environment: true });
    expect(environment).toMatchObject({
      CALLBACK_URL: runtime.webSocketUrl.replace("ws:", "http:"),
      TABLE_NAME: "Fixture-Items",
      AWS_REGION: "us-east-1",
      AWS_LAMBDA_FUNCTION_NAME: "Fixture-Echo",
    });
    expect(environment).not.toHaveProperty("PATH");
    socket.terminate();
  });

  it("lets a function post to the connection that called it", async () => {
    const socket = await open(runtime);
    expect(await ask(socket, { type: "echo", post: { hello: 1 } })).toEqual({ hello: 1 });
    socket.terminate();
  });

  it("runs the events of one function concurrently", async () => {
    const socket = await open(runtime);
    const answers: unknown[] = [];
    const both = new Promise<void>((resolve) => {
      socket.on("message", (data) => {
        answers.push(JSON.parse(String(data)));
        if (answers.length === 2) resolve();
      });
    });
    socket.send(JSON.stringify({ type: "echo", wait: 200, post: "late" }));
    socket.send(JSON.stringify({ type: "echo" }));
    await both;
    expect(answers[0]).toMatchObject({ user: "ann" });
    socket.terminate();
  });

  it("queues events while a function processes fifty, and loses none", async () => {
    const calls = Array.from({ length: 200 }, (_, index) =>
      runtime.invoke("Fixture-Echo", {
        body: JSON.stringify({ wait: index % 3 }),
        requestContext: { authorizer: { user: String(index) } },
      }),
    );
    const users = (await Promise.all(calls)).map(
      (result) => JSON.parse((result as { body: string }).body).user,
    );
    expect(users).toEqual(calls.map((_, index) => String(index)));
  });

  it.each([
    ["throws", { type: "fail" }, "TypeError: broken on purpose"],
    ["takes too long", { type: "slow", wait: 3000 }, "Task timed out after 0.20 seconds"],
    ["ends its thread", { type: "echo", crash: true }, "Runtime.ExitError"],
  ])(
    "answers with an internal error if a function %s, and continues",
    async (_, message, problem) => {
      const socket = await open(runtime);
      expect(await ask(socket, message)).toMatchObject({ message: "Internal server error" });
      expect(problems.at(-1)).toContain(problem);
      expect(await ask(socket, { type: "echo" })).toMatchObject({ user: "ann" });
      socket.terminate();
    },
  );

  it("passes the changes of a table that match the filter, in order", async () => {
    const ids: unknown[] = [];
    const last = eventFrom(runtime, ({ source, detail }) => {
      if (source === "fixture") ids.push((detail as { id: string }).id);
      return ids.length === 3;
    });
    for (const id of ["a", "b", "c"]) await put(id, true);
    await put("quiet", false);
    await last;
    expect(ids).toEqual(["a", "b", "c"]);
  });

  it("invokes the target of a rule whose pattern matches", async () => {
    const repeated = eventFrom(runtime, ({ source }) => source === "repeated");
    await put("other-1", true);
    await put("repeat-1", true);
    const { detail } = await repeated;
    expect(detail).toEqual({
      source: "fixture",
      detail: { eventName: "INSERT", id: "repeat-1", size: expect.any(Number) },
    });
  });

  it("creates the table's index", async () => {
    await put("indexed", false);
    const { Items = [] } = await db.send(
      new QueryCommand({
        TableName: runtime.outputs.StatusTableName,
        IndexName: "byOwner",
        KeyConditionExpression: "#o = :o",
        ExpressionAttributeNames: { "#o": "owner" },
        ExpressionAttributeValues: { ":o": { S: "ann" } },
      }),
    );
    expect(Items.map(({ id }) => id?.S)).toContain("indexed");
  });

  it("invokes a function by name, and lists the names", async () => {
    await expect(runtime.invoke("Fixture-Fail")).rejects.toThrow("Fixture-Fail: TypeError: broken");
    await expect(runtime.invoke("Nothing")).rejects.toThrow(/one function "Nothing".*Fixture-Echo/);
  });

  it("calls $disconnect for every connection before it stops, and keeps the logs", async () => {
    await open(runtime, "last");
    await runtime.stop();
    const log = readFileSync(join(logDirectory, "Fixture-Disconnect.log"), "utf8");
    const lines = log.trim().split("\n");
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({
      level: "INFO",
      message: "disconnected last",
    });
  });
});

describe("schedules", () => {
  it.each([
    [true, 1],
    [false, 0],
  ])("run only if they are on: %s", async (schedules, runs) => {
    const clock = new FakeClock();
    const runtime = await startLocalRuntime({ assemblyDirectory, clock, schedules });
    const events: BusEvent[] = [];
    runtime.onEvent((event) => events.push(event));
    clock.advance(59_999);
    expect(events).toEqual([]);
    const repeated = eventFrom(runtime, ({ source }) => source === "repeated");
    clock.advance(1);
    if (schedules) expect((await repeated).detail).toEqual({ source: "aws.events", detail: {} });
    expect(events).toHaveLength(runs);
    await runtime.stop();
  });
});

describe("a start that fails", () => {
  it("reports that a port is in use", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    await expect(startLocalRuntime({ assemblyDirectory, port })).rejects.toThrow(
      `Port ${port} is in use: stop the process that uses it, or choose another port with --port <number>`,
    );
    server.close();
  });

  it("reports that there is no assembly", async () => {
    await expect(startLocalRuntime({ assemblyDirectory: "/nowhere" })).rejects.toThrow(
      "Cannot read /nowhere/manifest.json: is it the output of cdk synth?",
    );
  });

  it("reports which stacks exist", async () => {
    await expect(startLocalRuntime({ assemblyDirectory, stackName: "Other" })).rejects.toThrow(
      /expected a stack "Other", got Fixture$/,
    );
  });

  it("reports that an endpoint does not respond", async () => {
    const dynamoDbEndpoint = "http://127.0.0.1:1";
    await expect(startLocalRuntime({ assemblyDirectory, dynamoDbEndpoint })).rejects.toThrow(
      /The DynamoDB engine does not create the table Fixture-Items: .*ECONNREFUSED/,
    );
  });
});
