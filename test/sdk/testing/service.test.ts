import {
  FleetWatcher,
  HeartbeatAgent,
  LoginRefusedError,
  type MessageHandler,
  NoReceiverError,
  publicKeyOf,
  RemoteError,
  RequestRefusedError,
} from "@agent-heartbeat/sdk";
import { type FakeService, startFakeService } from "@agent-heartbeat/sdk/testing";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { TEST_KEY } from "../../../testing/keys";

let service: FakeService;
const clients: { stop(): Promise<void> }[] = [];

beforeEach(async () => {
  service = await startFakeService();
});

afterEach(async () => {
  jest.useRealTimers();
  await Promise.all(clients.splice(0).map((client) => client.stop()));
  await service.close();
});

const started = async <Client extends HeartbeatAgent | FleetWatcher>(client: Client) => {
  clients.push(client);
  await client.start();
  return client;
};
const newAgent = (agentId = "planner", options: object = {}) =>
  started(new HeartbeatAgent({ ...service.options(agentId), ...options }));
const newWatcher = () => started(new FleetWatcher(service.options("viewer", "viewer")));

const statuses = () => service.agents.map(({ agentId, status }) => [agentId, status]);

describe("the fake service", () => {
  it.each(["in memory", "over the network"])("takes clients %s", async (how) => {
    const network = { runtime: undefined };
    const agent = await newAgent("planner", how === "in memory" ? {} : network);
    expect((await agent.list()).agents).toMatchObject([{ agentId: "planner", status: "online" }]);
    await agent.drain();
    await service.last.ended();
    expect(service.last.closed).toEqual({ code: 1000, reason: "drained" });
    expect(service.agents).toMatchObject([{ status: "offline", reason: "drained" }]);
  });

  it("brings agents online and offline on command, and notifies watchers", async () => {
    const watcher = await newWatcher();
    const changes: (string | undefined)[] = [];
    watcher.on("change", ({ transition }) => changes.push(transition?.event));
    const worker = service.agent("worker-1").online();
    worker.stall();
    worker.recover();
    worker.offline("lease_expired");
    await service.until(() => changes.length === 4);
    expect(changes).toEqual(["online", "stalled", "recovered", "offline"]);
    expect(watcher.agents.get("worker-1")).toMatchObject({ reason: "lease_expired" });
    expect([...watcher.agents.keys()]).toEqual(["worker-1"]);
  });

  it("notifies watchers that an agent drains", async () => {
    const watcher = await newWatcher();
    const changes: (string | undefined)[] = [];
    watcher.on("change", ({ transition }) => changes.push(transition?.event));
    await (await newAgent()).drain();
    await service.until(() => changes.length === 3);
    expect(changes).toEqual(["online", "draining", "offline"]);
  });

  it("delivers messages to one member of a group: one that accepts work, and the less busy of two", async () => {
    const planner = await newAgent("planner");
    const got: string[] = [];
    const release: (() => void)[] = [];
    for (const agentId of ["worker-1", "worker-2"]) {
      const worker = await newAgent(agentId, { heartbeatInterval: 1 });
      const handle = () => {
        got.push(agentId);
        return new Promise<void>((resolve) => release.push(resolve));
      };
      worker.onMessage("tasks.*", handle, { group: "workers" });
    }
    await service.until(() =>
      service.open.every(
        ({ agentId, subscriptions }) =>
          agentId === "planner" || subscriptions.has("tasks.* workers"),
      ),
    );
    expect(await planner.publish("tasks.a")).toEqual({ reached: 1 });
    await service.until(() => got.length === 1);
    const isBusy = ({ activity }: { activity: { state: string } | null }) =>
      activity?.state === "working";
    await service.until(() => service.agents.some(isBusy));
    expect(await planner.publish("tasks.b")).toEqual({ reached: 1 });
    await service.until(() => got.length === 2);
    expect(got.sort()).toEqual(["worker-1", "worker-2"]);
    for (const end of release) end();
    await Promise.all(clients.slice(1).map((client) => (client as HeartbeatAgent).drain()));
    expect(await planner.publish("tasks.c")).toEqual({ reached: 0 });
  });

  it("delivers messages to one agent that has a capability", async () => {
    const planner = await newAgent("planner");
    const got: unknown[] = [];
    const worker = await newAgent("worker", { capabilities: ["summarize"] });
    worker.onMessage("pages.*", (subject, data) => void got.push([subject, data]), { group: "g" });
    const remote = service.agent("remote");
    remote.online({ profile: { capabilities: ["translate"], metadata: {} } });
    remote.onMessage("direct", (_, data) => Number(data) + 1);
    await service.until(() =>
      service.agents.some(({ profile }) => profile?.capabilities[0] === "summarize"),
    );
    const capability = "summarize";
    expect(await planner.publish("pages.a", 1, { capability })).toEqual({ reached: 1 });
    expect(await planner.publish("pages.a", 2, { capability: "paint" })).toEqual({ reached: 0 });
    expect(service.publish("pages.b", 3, { capability })).toBe(1);
    expect(remote.publish("pages.c", 4, { capability })).toBe(1);
    expect(await planner.request(undefined, 1, { capability: "translate" })).toBe(2);
    await service.until(() => got.length === 3);
    expect(got).toEqual([
      ["pages.a", 1],
      ["pages.b", 3],
      ["pages.c", 4],
    ]);
    await worker.stop();
    expect(await planner.publish("pages.a", 5, { capability })).toEqual({ reached: 0 });
    expect(service.published.at(-1)).toMatchObject({ capability, reached: 0 });
  });

  it("answers a request when its only receiver goes offline, and another agent receives it", async () => {
    const planner = await newAgent("planner");
    const attempts: (number | undefined)[] = [];
    for (const agentId of ["worker-1", "worker-2"]) {
      const worker = await newAgent(agentId);
      const handle: MessageHandler = (_, __, { attempt }) => {
        attempts.push(attempt);
        service.disconnect(agentId);
        void worker.stop();
        return new Promise(() => {});
      };
      worker.onMessage("tasks.*", handle, { group: "workers" });
      await service.until(() => service.last.subscriptions.size === 1);
    }
    await expect(
      planner.request("tasks.a", null, { timeout: 3600, retries: 1 }),
    ).rejects.toMatchObject({ code: "receiver_lost", message: expect.stringContaining("offline") });
    expect(attempts).toEqual([1, 2]);
  });

  it("records messages, and delivers them to subscribers and named agents", async () => {
    const [planner, worker] = [await newAgent("planner"), await newAgent("worker.1")];
    const got: unknown[] = [];
    worker.onMessage("news.*", (subject, data, { from }) => void got.push([subject, data, from]));
    await service.until(() => service.last.subscriptions.has("news.*"));
    expect(await planner.publish("news.today", 1)).toEqual({ reached: 1 });
    expect(await planner.publish("other", 2)).toEqual({ reached: 0 });
    expect(service.publish("news.bus", 3, { from: "event:alerts" })).toBe(1);
    await service.until(() => got.length === 2);
    expect(got).toEqual([
      ["news.today", 1, "planner"],
      ["news.bus", 3, "event:alerts"],
    ]);
    expect(service.published).toMatchObject([
      { subject: "news.today", data: 1, from: "planner", reached: 1 },
      { subject: "other", reached: 0 },
    ]);
  });

  it("lets real agents and played ones ask each other", async () => {
    const planner = await newAgent();
    planner.onMessage("plan", (_, data) => [data]);
    const worker = service.agent("worker.1").online();
    worker.onMessage("tasks.*", (_, data) => ({ done: data }));
    worker.onMessage("broken", () => {
      throw new Error("no");
    });
    expect(await planner.request("tasks.a", 1)).toEqual({ done: 1 });
    expect(await planner.request("tasks.a", 1, { to: "worker.1" })).toEqual({ done: 1 });
    expect(await worker.request("plan", 2, { to: "planner" })).toEqual([2]);
    await expect(planner.request("broken")).rejects.toThrow(RemoteError);
    await expect(worker.request("nothing", 1, { to: "planner" })).rejects.toMatchObject({
      code: "no_handler",
    });
    worker.offline();
    await expect(worker.request("tasks.a")).rejects.toThrow(NoReceiverError);
    expect(await planner.publish("tasks.a")).toEqual({ reached: 0 });
    expect(worker.received).toHaveLength(3);
  });

  it("refuses logins, one or all, with the headers that are given", async () => {
    service.refuse = (_, attempt) =>
      attempt === 1 ? { status: 429, headers: { "Retry-After": "1" } } : undefined;
    const schedule = () => 0;
    const agent = new HeartbeatAgent({ ...service.options("planner"), reconnect: { schedule } });
    clients.push(agent);
    const failed = new Promise((resolve) => agent.on("attemptFailed", resolve));
    void agent.run();
    expect(await failed).toMatchObject({ failure: { kind: "throttled", status: 429 } });
    await service.connection();
    service.refuse = { status: 403 };
    const other = new HeartbeatAgent({ ...service.options("other"), autoReconnect: false });
    await expect(other.run()).rejects.toThrow(LoginRefusedError);
    expect(service.logins).toHaveLength(3);
  });

  it.each(["in memory", "over the network"])("accepts registered keys alone, %s", async (how) => {
    service.keys = [await publicKeyOf(TEST_KEY)];
    const way = how === "in memory" ? {} : { runtime: undefined };
    const options = { ...way, autoReconnect: false };
    await newAgent("known", { ...options, privateKey: TEST_KEY });
    await expect(newAgent("unknown", options)).rejects.toMatchObject({ status: 403 });
  });

  it("refuses a second process if it was asked to, and otherwise notifies the first that it is superseded", async () => {
    const first = await newAgent("planner");
    const options = { autoReconnect: false, onDuplicate: "reject" };
    await expect(newAgent("planner", options)).rejects.toMatchObject({ status: 409 });
    const second = await newAgent("planner");
    const [older] = service.connections;
    await older?.ended();
    expect([first.state, second.state]).toEqual(["superseded", "connected"]);
    expect(statuses()).toEqual([["planner", "online"]]);
  });

  it.each(["in memory", "over the network"])("breaks and closes connections, %s", async (how) => {
    const way = how === "in memory" ? {} : { runtime: undefined };
    const agent = await newAgent("planner", { ...way, reconnect: { schedule: () => 0 } });
    const codes: (number | undefined)[] = [];
    agent.on("attemptFailed", ({ failure }) => codes.push(failure.code));
    service.disconnect("planner");
    await service.connection(2).then((connection) => connection.message("heartbeat"));
    service.disconnect("planner", 1012);
    await service.connection(3).then((connection) => connection.message("heartbeat"));
    expect(codes).toEqual([1006, 1012]);
  });

  it("keeps silent, or answers as a test says", async () => {
    service.answer = ({ type }) =>
      type === "list" ? { type: "error", code: "internal", message: "no" } : undefined;
    const agent = await newAgent("planner", { requestTimeout: 0.1 });
    await expect(agent.list()).rejects.toThrow(RequestRefusedError);
    service.answer = () => null;
    await expect(agent.publish("news")).rejects.toThrow("got none");
  });

  it("lists page by page, by status, and with profiles where they are asked for", async () => {
    const planner = await newAgent("a", { capabilities: ["plan"] });
    await service.last.message("profile");
    service.agent("b").online();
    service.agent("b").offline();
    const ids = async (query: object) =>
      (await planner.list(query)).agents.map(({ agentId }) => agentId);
    expect(await ids({})).toEqual(["a", "b"]);
    expect(await ids({ status: "offline" })).toEqual(["b"]);
    const { cursor } = await planner.list({ limit: 1 });
    expect(await ids({ cursor })).toEqual(["b"]);
    const [own] = (await planner.list({ profiles: true })).agents;
    expect(own?.profile).toEqual({ capabilities: ["plan"], metadata: {} });
    expect((await planner.list()).agents[0]).not.toHaveProperty("profile");
  });

  it("lets viewers watch, and not publish", async () => {
    const viewer = new HeartbeatAgent(service.options("viewer", "viewer"));
    await started(viewer);
    await expect(viewer.publish("news")).rejects.toMatchObject({ code: "forbidden" });
    expect(statuses()).toEqual([]);
  });

  it("says what it waited for when its signal ends every wait", async () => {
    const controller = new AbortController();
    const waiting = await startFakeService({ signal: controller.signal });
    const wait = waiting.connection(2);
    controller.abort("the test is over");
    await expect(wait).rejects.toThrow(
      "expected connection number 2, got nothing more: the test is over",
    );
    await waiting.close();
  });
});

describe("under fake timers, the fake service", () => {
  it("takes agents whose time only the test moves", async () => {
    jest.useFakeTimers();
    const agent = await newAgent();
    await jest.advanceTimersByTimeAsync(90_000);
    expect(service.last.ofType("heartbeat").length).toBeGreaterThanOrEqual(3);
    expect(statuses()).toEqual([["planner", "online"]]);
    service.answer = () => null;
    await jest.advanceTimersByTimeAsync(100_000);
    expect(agent.getConnectionHealth().healthy).toBe(false);
    // The token of the next login is signed in real time, and its attempt is not over.
    await service.connection(2);
  });

  it("lets the lease of an agent run out that falls silent", async () => {
    jest.useFakeTimers();
    const watcher = await newWatcher();
    service.agent("worker").online({ leaseMs: 90_000, leaseExpiresAt: Date.now() + 90_000 });
    await jest.advanceTimersByTimeAsync(1_000);
    expect(watcher.agents.get("worker")?.status).toBe("online");
    await jest.advanceTimersByTimeAsync(95_000);
    expect(watcher.agents.get("worker")).toMatchObject({ reason: "lease_expired" });
    expect(statuses()).toEqual([["worker", "offline"]]);
  });
});
