/** How agents react to the browser's network and page events, and to hidden pages. */

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { HeartbeatAgent } from "../../../sdk/src/browser";
import { FleetWatcher } from "../../../sdk/src/fleet/browser";
import { FakeRuntime } from "../../../testing/fake-runtime";
import { TEST_KEY } from "../../../testing/keys";

const SECOND = 1000;
const settled = () => new Promise((resolve) => setImmediate(resolve));

class FakeWorker {
  static all: FakeWorker[] = [];
  static isForbidden = false;
  onmessage: (() => void) | null = null;
  terminated = false;

  constructor(readonly url: string) {
    if (FakeWorker.isForbidden) throw new Error("the page's policy");
    FakeWorker.all.push(this);
  }

  terminate(): void {
    this.terminated = true;
  }

  static get live(): FakeWorker[] {
    return FakeWorker.all.filter(({ terminated }) => !terminated);
  }
}

/** A page whose visibility the test sets. */
class FakeDocument extends EventTarget {
  hidden = false;
  listeners = 0;

  override addEventListener(...args: Parameters<EventTarget["addEventListener"]>): void {
    this.listeners += 1;
    super.addEventListener(...args);
  }

  override removeEventListener(...args: Parameters<EventTarget["removeEventListener"]>): void {
    this.listeners -= 1;
    super.removeEventListener(...args);
  }

  show(visible: boolean): void {
    this.hidden = !visible;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

let page: FakeDocument;
let network: FakeDocument;
let runtime: FakeRuntime;
const globals = globalThis as unknown as Record<string, unknown>;
const names = ["document", "Worker", "addEventListener", "removeEventListener"];

beforeEach(() => {
  page = new FakeDocument();
  network = new FakeDocument();
  runtime = new FakeRuntime();
  delete runtime.boottime;
  FakeWorker.all = [];
  FakeWorker.isForbidden = false;
  globals.document = page;
  globals.Worker = FakeWorker;
  globals.addEventListener = network.addEventListener.bind(network);
  globals.removeEventListener = network.removeEventListener.bind(network);
});

afterEach(() => {
  for (const name of names) delete globals[name];
});

const options = () => ({
  agentId: "page",
  organizationId: "acme",
  url: "wss://gateway.test/prod",
  privateKey: TEST_KEY,
  connectTimeout: 60,
  heartbeatInterval: 10,
  logger: null,
  runtime,
});

async function connectedPage() {
  const agent = new HeartbeatAgent(options());
  const ended = agent.run();
  const socket = await runtime.accept(1);
  return { agent, socket, ended };
}

/** Fails so often that the next attempt is far away. */
async function waitingPage() {
  const connected = await connectedPage();
  connected.socket.peer.closed(1006, "");
  for (let n = 2; n <= 8; n++) {
    runtime.advance(60 * SECOND);
    (await runtime.socket(n)).peer.failed(new Error("no network"));
  }
  return connected;
}

describe("an agent in a page", () => {
  it.each([
    ["the network is back", () => network.dispatchEvent(new Event("online"))],
    ["the page is shown", () => page.show(true)],
  ])("does not wait any longer when %s", async (_, happen) => {
    const { agent } = await waitingPage();
    happen();
    runtime.advance(SECOND);
    await runtime.accept(9);
    expect(agent.state).toBe("connected");
  });

  it("probes its connection when the network has changed", async () => {
    const { agent, socket } = await connectedPage();
    network.dispatchEvent(new Event("online"));
    expect(socket.heartbeats).toHaveLength(2);
    runtime.advance(30 * SECOND);
    expect(agent.state).toBe("reconnecting");
  });

  it("keeps its heartbeats on time while it is hidden, by a worker that is not slowed down", async () => {
    const { agent, socket } = await connectedPage();
    page.show(false);
    const [worker] = FakeWorker.live;
    for (let second = 2; second <= 120; second += 2) {
      // Timers do not fire, the worker does.
      runtime.stall(2 * SECOND);
      worker?.onmessage?.();
      socket.ack({ serverTime: runtime.now() });
    }
    expect(socket.heartbeats.length).toBeGreaterThanOrEqual(12);
    expect(agent.state).toBe("connected");
    page.show(true);
    expect(FakeWorker.live).toHaveLength(0);
  });

  it.each([
    ["forbids workers", () => (FakeWorker.isForbidden = true)],
    ["has none", () => delete globals.Worker],
  ])("keeps its connection while it is hidden, if the page %s", async (_, forbid) => {
    forbid();
    const { agent, socket } = await connectedPage();
    page.show(false);
    for (let minute = 1; minute <= 10; minute++) {
      runtime.block(60 * SECOND);
      socket.ack({ serverTime: runtime.now() });
    }
    // The first, one when it is hidden, and one a minute.
    expect(socket.heartbeats).toHaveLength(12);
    expect(agent.state).toBe("connected");
    expect(runtime.sockets).toHaveLength(1);
  });

  it("needs no worker if one heartbeat a minute is enough", async () => {
    page.hidden = true;
    const { heartbeatInterval: _, ...viewer } = options();
    const watcher = new FleetWatcher(viewer);
    void watcher.start().catch(() => {});
    await runtime.socket(1);
    expect(FakeWorker.all).toHaveLength(0);
    await watcher.stop();
  });

  it("that is opened in the background has the worker from the start", async () => {
    page.hidden = true;
    await connectedPage();
    expect(FakeWorker.live).toHaveLength(1);
  });

  it("has one worker however often it is hidden, and leaves nothing behind when it ends", async () => {
    const { agent, socket, ended } = await connectedPage();
    for (let n = 0; n < 5; n++) {
      page.show(true);
      page.show(false);
    }
    expect(FakeWorker.live).toHaveLength(1);
    void agent.stop();
    await settled();
    socket.peer.closed(1000, "");
    await ended;
    expect(FakeWorker.live).toHaveLength(0);
    expect([page.listeners, network.listeners]).toEqual([0, 0]);
  });

  it("works without page and network events, as in some workers", async () => {
    for (const name of names) delete globals[name];
    const { agent } = await connectedPage();
    expect(agent.state).toBe("connected");
  });
});

it("a fleet's watcher in a page does the same", async () => {
  const watcher = new FleetWatcher(options());
  void watcher.start().catch(() => {});
  (await runtime.socket(1)).peer.failed(new Error("no network"));
  expect([page.listeners, network.listeners]).toEqual([1, 1]);
  network.dispatchEvent(new Event("online"));
  runtime.advance(SECOND);
  expect(await runtime.socket(2)).toBeDefined();
  await watcher.stop();
  expect([page.listeners, network.listeners]).toEqual([0, 0]);
});
