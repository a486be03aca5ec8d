import { afterEach, describe, expect, it } from "@jest/globals";
import { startGateway, type TestGateway } from "../../../../testing/local-gateway";

const LIMITS = { perSecond: 2, burst: 3 };
const TOO_MANY = {
  message: "Too Many Requests",
  connectionId: expect.any(String),
  requestId: expect.any(String),
};

describe("the gateway's throttling", () => {
  let gateway: TestGateway;
  afterEach(() => gateway.stop());

  it("refuses a connection with 429 when the bucket is empty, and accepts one more for each new token", async () => {
    gateway = await startGateway(
      { $connect: () => ({ statusCode: 200 }) },
      { throttling: { routes: new Map([["$connect", LIMITS]]) } },
    );
    for (let taken = 0; taken < LIMITS.burst; taken++) await gateway.open();
    await expect(gateway.open()).rejects.toThrow("429");
    gateway.clock.advance(499);
    await expect(gateway.open()).rejects.toThrow("429");
    gateway.clock.advance(1);
    await gateway.open();
    await expect(gateway.open()).rejects.toThrow("429");
  });

  it("answers a message with an error without a call, by the route's own limits or the stage's", async () => {
    const calls: string[] = [];
    const handler = (name: string) => () => {
      calls.push(name);
      return { statusCode: 200, body: JSON.stringify({ from: name }) };
    };
    gateway = await startGateway(
      { list: handler("list"), history: handler("history"), publish: handler("publish") },
      {
        throttling: {
          whole: { perSecond: 1, burst: 2 },
          routes: new Map([["publish", { perSecond: 1, burst: 1 }]]),
        },
      },
    );
    const client = await gateway.open();
    const ask = (type: string) => {
      client.socket.send(JSON.stringify({ type }));
      return client.next();
    };
    expect(await ask("publish")).toEqual({ from: "publish" });
    expect(await ask("publish")).toEqual(TOO_MANY);
    // The connection itself used one of the stage's tokens.
    expect(await ask("list")).toEqual({ from: "list" });
    expect(await ask("history")).toEqual(TOO_MANY);
    expect(calls).toEqual(["publish", "list"]);
    gateway.clock.advance(1000);
    expect(await ask("history")).toEqual({ from: "history" });
    expect(await ask("list")).toEqual(TOO_MANY);
  });
});
