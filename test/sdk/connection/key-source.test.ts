import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  HeartbeatAgent,
  type NodeAgentOptions,
  publicKeyOf,
  StartAbortedError,
} from "@agent-heartbeat/sdk";
import { FleetWatcher } from "@agent-heartbeat/sdk/fleet";
import { startFakeService } from "@agent-heartbeat/sdk/testing";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { decodeProtectedHeader } from "jose";
import { FakeRuntime, type FakeSocket } from "../../../testing/fake-runtime";
import { newP256Key } from "../../../testing/keys";
import { temporaryFolder } from "../../../testing/temporary-folder";

const OLD = newP256Key();
const NEW = newP256Key();
const ids = { old: "", new: "" };
const OPTIONS = {
  agentId: "worker-1",
  organizationId: "acme",
  url: "wss://gateway.test/prod",
  reconnect: { baseDelay: 1, maxDelay: 1 },
};
/** The longest delay with these options: half of the window after a refused login. */
const NEXT_ATTEMPT_MS = 2_500;

beforeAll(async () => {
  ids.old = (await publicKeyOf(OLD)).keyId;
  ids.new = (await publicKeyOf(NEW)).keyId;
});

const keyOf = ({ protocols }: FakeSocket) => decodeProtectedHeader(protocols[1] ?? "").kid;

let runtime: FakeRuntime;
let agent: HeartbeatAgent;
let warnings: string[];
beforeEach(() => {
  runtime = new FakeRuntime();
  warnings = [];
});
afterEach(async () => {
  const stopped = agent.stop();
  await new Promise(setImmediate);
  // No peer answers the close.
  runtime.advance(2_000);
  await stopped;
});

function newAgent(options: Partial<NodeAgentOptions>): HeartbeatAgent {
  const warn = (message: string) => void warnings.push(message);
  agent = new HeartbeatAgent({ ...OPTIONS, runtime, logger: { warn, error: warn }, ...options });
  return agent;
}

async function keyFile(text: string): Promise<string> {
  const path = join(temporaryFolder(), "key.pem");
  await writeFile(path, text);
  return path;
}

/** Resolves with the next failed attempt. */
const failure = () =>
  new Promise<string>((resolve) => {
    const stop = agent.on("attemptFailed", ({ error }) => {
      stop();
      resolve(error.message);
    });
  });

/** Refuses the n-th login, and lets the time of the next one come. */
async function refuse(n: number): Promise<void> {
  (await runtime.socket(n)).peer.refused({ status: 403 });
  runtime.advance(NEXT_ATTEMPT_MS);
}

describe("a key file", () => {
  it("that is replaced is read again when a login is refused", async () => {
    const path = await keyFile(OLD);
    void newAgent({ privateKeyPath: path }).run();
    expect(keyOf(await runtime.socket(1))).toBe(ids.old);
    await writeFile(path, NEW);
    await refuse(1);
    expect(keyOf(await runtime.socket(2))).toBe(ids.new);
  });

  it("that is replaced is read again at each reconnection and rotation", async () => {
    const path = await keyFile(OLD);
    void newAgent({ privateKeyPath: path, rotateAfter: { min: 10, max: 10 } }).run();
    const first = await runtime.accept(1);
    await writeFile(path, NEW);
    first.peer.closed(1001, "Going away");
    runtime.advance(NEXT_ATTEMPT_MS);
    expect(keyOf(await runtime.accept(2))).toBe(ids.new);
    const replacement = await keyFile(OLD);
    await rename(replacement, path);
    runtime.advance(10_000);
    expect(keyOf(await runtime.socket(3))).toBe(ids.old);
  });

  it("that is missing or broken for a while does not end the connection", async () => {
    const path = await keyFile(OLD);
    void newAgent({ privateKeyPath: path }).run();
    await runtime.socket(1);
    await rm(path);
    await refuse(1);
    expect(keyOf(await runtime.socket(2))).toBe(ids.old);
    await writeFile(path, NEW.slice(0, 50));
    await refuse(2);
    expect(keyOf(await runtime.socket(3))).toBe(ids.old);
    await writeFile(path, NEW);
    await refuse(3);
    expect(keyOf(await runtime.socket(4))).toBe(ids.new);
    const told = warnings.filter((text) => text.includes("the last key is used again"));
    expect(told).toEqual([
      expect.stringContaining(`the private key at ${path} could not be read: ENOENT`),
      expect.stringContaining(`the private key at ${path} is unusable`),
    ]);
  });
});

describe("a function for the key", () => {
  it("is called before each login", async () => {
    const keys = [OLD, NEW];
    void newAgent({ privateKey: () => Promise.resolve(keys.shift() ?? "") }).run();
    expect(keyOf(await runtime.socket(1))).toBe(ids.old);
    await refuse(1);
    expect(keyOf(await runtime.socket(2))).toBe(ids.new);
  });

  it.each<[string, () => string | Promise<string>]>([
    [
      "throws",
      () => {
        throw new Error("secret store is down");
      },
    ],
    ["rejects", () => Promise.reject(new Error("secret store is down"))],
    ["rejects with no error", () => Promise.reject("secret store is down")],
    ["returns what is no key yet", () => "secret store is down"],
  ])("that %s at first is called again until it returns a key", async (_, fail) => {
    const answers = [fail, fail, () => NEW];
    void newAgent({ privateKey: () => (answers.shift() ?? fail)() }).run();
    for (const attempts of [1, 2]) {
      expect(await failure()).toMatch(/the key's source: .*down|private key: expected/);
      expect(agent.getConnectionHealth().reconnectAttempts).toBe(attempts);
      runtime.advance(NEXT_ATTEMPT_MS);
    }
    expect(keyOf(await runtime.socket(1))).toBe(ids.new);
    expect(agent.state).toBe("connecting");
  });

  it("that hangs is abandoned with the attempt, and called again", async () => {
    const answers: (() => Promise<string>)[] = [() => new Promise(() => {}), async () => NEW];
    void newAgent({ privateKey: () => (answers.shift() as () => Promise<string>)() }).run();
    await new Promise(setImmediate);
    const failed = failure();
    runtime.advance(10_000);
    expect(await failed).toContain("the key's source: no answer in time");
    runtime.advance(NEXT_ATTEMPT_MS);
    expect(keyOf(await runtime.socket(1))).toBe(ids.new);
  });

  it("that hangs later leaves time for a handshake with the last key", async () => {
    const answers: (() => Promise<string>)[] = [async () => OLD];
    const hang = () => new Promise<string>(() => {});
    void newAgent({ privateKey: () => (answers.shift() ?? hang)() }).run();
    await refuse(1);
    await new Promise(setImmediate);
    runtime.advance(10_000);
    expect(keyOf(await runtime.socket(2))).toBe(ids.old);
    expect(warnings.at(-1)).toContain("no answer in time; the last key is used again");
  });
});

describe("a start with a signal", () => {
  it("is ended by the signal, and reports what was tried", async () => {
    const { signal, abort } = newSignal();
    const started = newAgent({ privateKey: OLD }).start({ signal });
    await refuse(1);
    await refuse(2);
    (await runtime.socket(3)).peer.failed(new Error("getaddrinfo ENOTFOUND gateway.test"));
    abort(new Error("too late"));
    const error = await started.catch((reason) => reason);
    expect(error).toBeInstanceOf(StartAbortedError);
    expect(error.message).toBe(
      "worker-1: start() was aborted: no connection to wss://gateway.test/prod for organization acme " +
        `with key ${ids.old}, after: refused with status 403 (2 x); ` +
        "getaddrinfo ENOTFOUND gateway.test (1 x)",
    );
    expect(error.cause).toEqual(new Error("too late"));
    expect(error.answers).toEqual([
      { message: "refused with status 403", times: 2 },
      { message: "getaddrinfo ENOTFOUND gateway.test", times: 1 },
    ]);
    await agent.stop();
    expect(agent.state).toBe("stopped");
    expect(runtime.pendingTimers).toBe(0);
  });

  it.each<[string, Partial<NodeAgentOptions>, string]>([
    ["before the first answer", { privateKey: OLD }, "after: no answer"],
    [
      "while a key is waited for",
      { privateKey: () => new Promise<string>(() => {}) },
      "with key null, after: no answer",
    ],
  ])("is ended by the signal %s", async (_, options, message) => {
    const { signal, abort } = newSignal();
    const started = newAgent(options).start({ signal });
    abort();
    await expect(started).rejects.toThrow(message);
    await agent.stop();
    expect(runtime.sockets.filter(({ isLive }) => isLive)).toEqual([]);
  });

  it("that was aborted before ends at once", async () => {
    const started = newAgent({ privateKey: OLD }).start({ signal: AbortSignal.abort() });
    await expect(started).rejects.toThrow(StartAbortedError);
    await agent.stop();
    expect(runtime.sockets.filter(({ isLive }) => isLive)).toEqual([]);
  });

  it("is not affected by the signal once connected", async () => {
    const { signal, abort } = newSignal();
    const started = newAgent({ privateKey: OLD }).start({ signal });
    await runtime.accept(1);
    await started;
    abort();
    expect(agent.state).toBe("connected");
  });

  it("rejects as before if the key is unusable", async () => {
    const { signal } = newSignal();
    await expect(newAgent({ privateKey: "" }).start({ signal })).rejects.toThrow("an empty text");
  });

  it("is the same for a fleet's watcher", async () => {
    newAgent({ privateKey: OLD });
    const { signal, abort } = newSignal();
    const watcher = new FleetWatcher({ ...OPTIONS, runtime, logger: null, privateKey: OLD });
    const started = watcher.start({ signal });
    await refuse(1);
    abort();
    await expect(started).rejects.toThrow("refused with status 403 (1 x)");
    await watcher.stop();
    expect(watcher.state).toBe("stopped");
  });
});

describe("with heartbeatThread", () => {
  it("the file is read again, and a function is called, in the agent's thread", async () => {
    const path = await keyFile(OLD);
    const gateway = await startFakeService({ keys: [await publicKeyOf(OLD)] });
    const options = { url: gateway.url, heartbeatThread: true, runtime: undefined as never };
    try {
      await newAgent({ ...options, privateKeyPath: path }).start();
      gateway.keys = [await publicKeyOf(NEW)];
      await writeFile(path, NEW);
      gateway.last.close();
      await gateway.until(() => gateway.connections.length === 2);
      await agent.stop();

      const answers = [() => Promise.reject(new Error("not yet")), async () => NEW];
      const ask = () => (answers.shift() as () => Promise<string>)();
      newAgent({ ...options, privateKey: ask });
      const failed = failure();
      await agent.start();
      expect(await failed).toContain("the key's source: not yet");
      await agent.stop();
    } finally {
      await gateway.close();
    }
  });
});

function newSignal() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason?: unknown) => controller.abort(reason) };
}
