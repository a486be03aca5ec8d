import { describe, expect, it } from "@jest/globals";
import { DynamoDbClock } from "../../../sdk/src/status/dynamodb-clock";

/** A command whose response is dated `date`, and arrives when the local clock shows `receivedAt`. */
function respond(clock: DynamoDbClock, date: string | undefined, arrive: () => void) {
  type Handler = (args: unknown) => Promise<unknown>;
  let middleware: (next: Handler) => Handler = (next) => next;
  clock.watch({
    middlewareStack: {
      add: (added: typeof middleware) => {
        middleware = added;
      },
    },
  });
  return middleware(async () => {
    arrive();
    return { response: { headers: date === undefined ? {} : { date } } };
  })({});
}

async function offsetFor(serverMs: number, sentAt: number, receivedAt: number): Promise<number> {
  let local = sentAt;
  const clock = new DynamoDbClock(() => local);
  await respond(clock, new Date(serverMs).toUTCString(), () => {
    local = receivedAt;
  });
  return clock.offsetMs;
}

describe("the server's clock", () => {
  it("finds no error in a clock that is right, whatever the fraction of the second", async () => {
    for (let fraction = 0; fraction < 1000; fraction += 50) {
      const server = 1_000_000 + fraction;
      expect(await offsetFor(server, server - 5, server + 5)).toBe(0);
    }
  });

  it("finds every error of more than two seconds", async () => {
    for (const error of [2001, 5000, 600_000, -2050, -5000, -600_000]) {
      for (let fraction = 0; fraction < 1000; fraction += 50) {
        const server = 1_000_000 + fraction;
        const offset = await offsetFor(server, server + error - 5, server + error + 5);
        expect(Math.abs(offset + error)).toBeLessThan(600);
      }
    }
  });

  it("blames a slow response on the network, not on the clock", async () => {
    expect(await offsetFor(1_010_000, 1_000_000, 1_020_000)).toBe(0);
  });

  it("drops the offset when the clock has been corrected", async () => {
    let local = 1_000_000 + 60_000;
    const clock = new DynamoDbClock(() => local);
    await respond(clock, new Date(1_000_000).toUTCString(), () => undefined);
    expect(clock.now()).toBeLessThan(1_002_000);
    local = 1_005_000;
    await respond(clock, new Date(1_005_000).toUTCString(), () => undefined);
    expect(clock.now()).toBe(1_005_000);
  });

  it("is the local clock until a response says otherwise", async () => {
    const clock = new DynamoDbClock(() => 42);
    expect(clock.now()).toBe(42);
    await respond(clock, undefined, () => undefined);
    await respond(clock, "yesterday", () => undefined);
    expect(clock.now()).toBe(42);
  });
});
