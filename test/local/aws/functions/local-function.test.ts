import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Concurrency, FunctionThrottled } from "../../../../local/aws/functions/concurrency";
import { LocalFunction } from "../../../../local/aws/functions/local-function";
import type { FunctionDescription } from "../../../../local/aws/resources/function";
import { FakeClock } from "../../../../testing/local-clock";

const TIMEOUT_MS = 5000;

/** The server for calls of `hold`. Each call is a socket, and ends when data is sent on it. */
class Holder {
  readonly arrived: Socket[] = [];
  #changed = () => {};

  private constructor(readonly server: Server) {
    server.on("connection", (socket) => {
      socket.on("error", () => {});
      this.arrived.push(socket);
      this.#changed();
    });
  }

  static async open(): Promise<Holder> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Holder(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async call(number: number): Promise<Socket> {
    while (this.arrived.length < number) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    return this.arrived[number - 1] as Socket;
  }

  close(): void {
    for (const socket of this.arrived) socket.destroy();
    this.server.close();
  }
}

const descriptionOf = (name: string, handler: string): FunctionDescription => ({
  logicalId: name,
  name,
  arn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
  directory: join(__dirname, "../fixture/asset.functions"),
  handler,
  environment: { CALLBACK_URL: "http://127.0.0.1:1" },
  timeoutMs: TIMEOUT_MS,
  memoryMb: 128,
  logFormat: "JSON",
  logLevel: "INFO",
});

describe("a function", () => {
  let clock: FakeClock;
  let holder: Holder;
  let functions: LocalFunction[] = [];

  beforeEach(async () => {
    clock = new FakeClock();
    holder = await Holder.open();
  });
  afterEach(async () => {
    await Promise.all(functions.map((fn) => fn.stop()));
    functions = [];
    holder.close();
  });

  function start(concurrency: Concurrency, name = "Hold", handler = "index.hold"): LocalFunction {
    const fn = new LocalFunction({
      description: descriptionOf(name, handler),
      environment: { AWS_REGION: "us-east-1" },
      clock,
      log: () => {},
      concurrency,
    });
    functions.push(fn);
    return fn;
  }

  const invoke = (fn: LocalFunction, signal?: AbortSignal) => {
    const result = fn.invoke({ port: holder.port }, signal);
    // Unobserved calls may fail when the function is stopped.
    result.catch(() => {});
    return result;
  };

  it("throttles an event beyond the account's concurrency, and accepts one as soon as another has ended", async () => {
    const fn = start(new Concurrency(2, []));
    const first = invoke(fn);
    void invoke(fn);
    await expect(invoke(fn)).rejects.toThrow(
      "Hold: TooManyRequestsException: Rate Exceeded. (ConcurrentInvocationLimitExceeded)",
    );
    (await holder.call(1)).write("end");
    await first;
    void invoke(fn);
    await holder.call(3);
  });

  it("shares the account's concurrency with other functions, except for what is reserved", async () => {
    const concurrency = new Concurrency(102, [{ name: "Reserved", reservedConcurrency: 2 }]);
    const shared = [start(concurrency, "One"), start(concurrency, "Other")];
    for (let count = 0; count < 100; count++) void invoke(shared[count % 2] as LocalFunction);
    await expect(invoke(shared[0] as LocalFunction)).rejects.toBeInstanceOf(FunctionThrottled);
    const reserved = start(concurrency, "Reserved");
    void invoke(reserved);
    void invoke(reserved);
    await expect(invoke(reserved)).rejects.toThrow(
      "ReservedFunctionConcurrentInvocationLimitExceeded",
    );
    await holder.call(102);
  });

  it("does not run an event whose caller has stopped waiting", async () => {
    const fn = start(new Concurrency(1000, []));
    // The number of events that an environment handles at once.
    const running = Array.from({ length: 50 }, () => invoke(fn));
    await holder.call(50);
    const giveUp = new AbortController();
    const givenUp = invoke(fn, giveUp.signal);
    const last = invoke(fn);
    giveUp.abort();
    await expect(givenUp).rejects.toThrow("Hold: given up by its caller before it ran");
    for (const socket of holder.arrived) socket.write("end");
    await Promise.all(running);
    (await holder.call(51)).write("end");
    expect(await last).toBe(51);
  });

  it("ends the environment of a call that timed out, with its sockets", async () => {
    const fn = start(new Concurrency(1000, []));
    const call = invoke(fn);
    const ended = once(await holder.call(1), "close");
    clock.advance(TIMEOUT_MS);
    await expect(call).rejects.toThrow("Task timed out after 5.00 seconds");
    await ended;
    const next = invoke(fn);
    (await holder.call(2)).write("end");
    expect(await next).toBe(1);
  });

  it("lets other events in the environment of a call that timed out finish", async () => {
    const fn = start(new Concurrency(1000, []));
    const late = invoke(fn);
    const lateSocket = await holder.call(1);
    const ended = once(lateSocket, "close");
    clock.advance(TIMEOUT_MS - 1);
    const innocent = invoke(fn);
    await holder.call(2);
    clock.advance(1);
    await expect(late).rejects.toThrow("Task timed out");
    const next = invoke(fn);
    (await holder.call(3)).write("end");
    expect(await next).toBe(1);
    (await holder.call(2)).write("end");
    expect(await innocent).toBe(2);
    await ended;
  });

  it("fails events that wait for code that can't be loaded, and tries again at the next event", async () => {
    const fn = start(new Concurrency(1000, []), "Missing", "index.missing");
    for (const attempt of [1, 2]) {
      const results = await Promise.allSettled([invoke(fn), invoke(fn)]);
      const reasons = results.map((result) => (result as PromiseRejectedResult).reason.message);
      const failure = "Missing: Runtime.ExitError: index.missing is undefined or not exported";
      expect({ attempt, reasons }).toEqual({ attempt, reasons: [failure, failure] });
    }
  });

  it("fails waiting and later events when it is stopped", async () => {
    const fn = start(new Concurrency(1000, []));
    const running = Array.from({ length: 51 }, () => invoke(fn));
    await holder.call(50);
    await fn.stop();
    const outcomes = await Promise.allSettled([...running, invoke(fn)]);
    expect(outcomes.map(({ status }) => status)).toEqual(Array(52).fill("rejected"));
  });
});

describe("an account's concurrency", () => {
  it("leaves 100 unreserved, as AWS requires", () => {
    const functions = [{ name: "Heartbeat", reservedConcurrency: 950 }];
    expect(() => new Concurrency(1000, functions)).toThrow(
      "ReservedConcurrentExecutions: expected at least 100 of the account's 1000 to be left unreserved, got 50",
    );
  });
});
