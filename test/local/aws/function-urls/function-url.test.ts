/** Function URLs of the local runtime, which answer as Lambda's do. */

import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { describeFunctionUrl, functionUrlsIn } from "../../../../local/aws/resources/function-url";
import { PropertyReader } from "../../../../local/aws/resources/properties";
import { type LocalRuntime, startLocalRuntime } from "../../../../local/aws/runtime";

const assemblyDirectory = join(__dirname, "..", "fixture");

describe("a function URL", () => {
  let runtime: LocalRuntime;
  let url: string;
  const problems: string[] = [];
  beforeAll(async () => {
    runtime = await startLocalRuntime({
      assemblyDirectory,
      schedules: false,
      onProblem: (problem) => problems.push(problem),
    });
    url = runtime.outputs.HttpUrl ?? "";
  });
  afterAll(() => runtime.stop());
  const event = async (path: string, init: RequestInit = {}) =>
    (await (await fetch(`${url}${path}`, init)).json()) as {
      requestContext: Record<string, unknown>;
    };

  it("has its own port, and the output is its local address", () => {
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(new URL(url).port).not.toBe(new URL(runtime.webSocketUrl).port);
  });

  it("passes a request on in payload format 2.0", async () => {
    const headers = { "Content-Type": "application/json", Cookie: "a=1; b=2", "X-Own": "one" };
    const seen = await event("some/path%20here?x=1&x=2&y=", {
      method: "POST",
      body: '{"a":"ü"}',
      headers,
    });
    expect(seen).toMatchObject({
      version: "2.0",
      routeKey: "$default",
      rawPath: "/some/path%20here",
      rawQueryString: "x=1&x=2&y=",
      queryStringParameters: { x: "1,2", y: "" },
      cookies: ["a=1", "b=2"],
      headers: { "x-own": "one", "x-forwarded-proto": "http", host: new URL(url).host },
      requestContext: {
        accountId: "anonymous",
        domainName: new URL(url).host,
        http: { method: "POST", path: "/some/path%20here", sourceIp: "127.0.0.1" },
        stage: "$default",
        timeEpoch: expect.any(Number),
      },
      body: '{"a":"ü"}',
      isBase64Encoded: false,
    });
    expect(seen.requestContext.time).toMatch(/^\d\d\/\w{3}\/\d{4}:/);
  });

  it.each([
    ["text/plain; charset=utf-8", "hello", false],
    ["application/xml", "hello", false],
    ["application/x-www-form-urlencoded", "aGVsbG8=", true],
    ["application/octet-stream", "aGVsbG8=", true],
  ])("passes on a body of %s as %s", async (type, body, isBase64Encoded) => {
    const seen = await event("", {
      method: "PUT",
      body: "hello",
      headers: { "Content-Type": type },
    });
    expect(seen).toMatchObject({ body, isBase64Encoded });
  });

  it("passes on a request without a body as one", async () => {
    const seen = await event("");
    expect(seen).toMatchObject({ isBase64Encoded: false });
    expect(seen).not.toHaveProperty("body");
    expect(seen).not.toHaveProperty("queryStringParameters");
    expect(seen).not.toHaveProperty("cookies");
  });

  it("answers with the function's status, headers, cookies and bytes", async () => {
    const answer = await fetch(`${url}binary`);
    expect(answer.status).toBe(418);
    expect(answer.headers.get("content-type")).toBe("image/png");
    expect(answer.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(answer.headers.get("x-amzn-requestid")).toMatch(/./);
    expect([...new Uint8Array(await answer.arrayBuffer())]).toEqual([0, 255]);
  });

  it("answers HEAD without a body", async () => {
    const answer = await fetch(`${url}binary`, { method: "HEAD" });
    expect([answer.status, await answer.text()]).toEqual([418, ""]);
  });

  it("takes a result without a status code for the body", async () => {
    const answer = await fetch(`${url}plain`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ plain: true });
  });

  it.each(["throw", "wrong"])("answers 502 where the function fails: %s", async (path) => {
    problems.length = 0;
    expect((await fetch(`${url}${path}`)).status).toBe(502);
    expect(problems).toEqual([expect.stringContaining("function URL failed")]);
  });

  it("answers 413 to more than 6 MB, and continues to serve", async () => {
    const body = Buffer.alloc(6 * 1024 * 1024 + 1);
    expect((await fetch(url, { method: "POST", body })).status).toBe(413);
    expect((await fetch(url)).status).toBe(200);
  });

  it("answers 429 beyond the function's reserved concurrency", async () => {
    const holding: Server = createServer();
    holding.listen(0, "127.0.0.1");
    await once(holding, "listening");
    const { port } = holding.address() as { port: number };
    const held = [1, 2].map(() => fetch(`${url}hold?${port}`));
    const sockets = [];
    while (sockets.length < 2) sockets.push((await once(holding, "connection"))[0]);
    expect((await fetch(url)).status).toBe(429);
    for (const socket of sockets) socket.end("go");
    for (const answer of await Promise.all(held)) expect(answer.status).toBe(200);
    holding.close();
  });
});

describe("the description of a function URL", () => {
  const described = (properties: Record<string, unknown>) => () =>
    describeFunctionUrl(
      new PropertyReader("Url", { AuthType: "NONE", TargetFunctionArn: "arn", ...properties }),
      "id",
    );

  it.each([
    [{ AuthType: "AWS_IAM" }, "Url.AuthType: expected NONE"],
    [{ InvokeMode: "RESPONSE_STREAM" }, "Url.InvokeMode: expected BUFFERED"],
    [{ Cors: { AllowOrigins: ["*"] } }, "Url.Cors: expected none"],
  ])("refuses what does not run here: %j", (properties, message) => {
    expect(described(properties)).toThrow(message);
  });

  it("is found in a template by its type", () => {
    const Resources = { A: { Type: "AWS::Lambda::Url" }, B: { Type: "AWS::SNS::Topic" } };
    expect(functionUrlsIn({ Resources })).toEqual(["A"]);
  });
});
