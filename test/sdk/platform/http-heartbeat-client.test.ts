import {
  ConnectionError,
  HttpHeartbeatClient,
  LoginRefusedError,
  publicKeyOf,
} from "@agent-heartbeat/sdk";
import { type FakeService, startFakeService } from "@agent-heartbeat/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { TEST_KEY } from "../../../testing/keys";

let service: FakeService;

beforeEach(async () => {
  service = await startFakeService({ keys: [await publicKeyOf(TEST_KEY)] });
});

afterEach(() => service.close());

const newClient = (options: object = {}) =>
  new HttpHeartbeatClient({
    agentId: "nightly",
    organizationId: "acme",
    httpUrl: service.httpUrl,
    privateKey: TEST_KEY,
    ...options,
  });

/** Until another process's clock, which may be a little behind, is past the last token: the service takes none that is older. */
const isLater = () =>
  service.until(() =>
    service.httpRequests.every(({ claims: { iat = 0 } }) => Date.now() > iat * 1000 + 100),
  );

describe("HttpHeartbeatClient", () => {
  it("brings an agent online with one request, and takes it offline with another", async () => {
    const client = newClient({ heartbeatInterval: 300 });
    const ack = await client.sendHeartbeat({ state: "working", task: "report" });
    expect(ack).toMatchObject({ type: "heartbeat_ack" });
    expect(service.httpRequests).toHaveLength(1);
    expect(service.agents).toMatchObject([
      {
        agentId: "nightly",
        status: "online",
        instanceId: client.instanceId,
        leaseMs: 900_000,
        leaseExpiresAt: ack.leaseExpiresAt,
        activity: { state: "working", task: "report" },
      },
    ]);
    await client.leave({ reason: "drained" });
    expect(service.agents).toMatchObject([{ status: "offline", reason: "drained" }]);
  });

  it("sends calls one after the other, each with a later token", async () => {
    const client = newClient();
    await Promise.all([client.sendHeartbeat(), client.sendHeartbeat(), client.leave()]);
    const times = service.httpRequests.map(({ claims }) => claims.iat as number);
    expect(times).toHaveLength(3);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
    expect(new Set(times).size).toBe(3);
    expect(service.agents).toMatchObject([{ status: "offline", reason: "client_closed" }]);
  });

  it("rejects with the status of a refusal, and sends the next call all the same", async () => {
    const client = newClient();
    await client.sendHeartbeat();
    await isLater();
    await newClient().sendHeartbeat();
    await isLater();
    const refused = await client.sendHeartbeat().catch((error) => error);
    expect(refused).toBeInstanceOf(LoginRefusedError);
    expect(refused).toMatchObject({
      status: 409,
      message:
        "nightly: expected an accepted heartbeat, got: refused with status 409 (A newer process of the agent holds the lease)",
    });
    service.refuseHttp = { status: 503 };
    await expect(client.sendHeartbeat()).rejects.toMatchObject({ status: 503 });
    service.refuseHttp = undefined;
    await isLater();
    await newClient().sendHeartbeat();
  });

  it("rejects if there is no answer, or one that is not the service's", async () => {
    const client = newClient({ httpUrl: "http://127.0.0.1:1" });
    const failed = await client.sendHeartbeat().catch((error) => error);
    expect(failed).toBeInstanceOf(ConnectionError);
    expect(failed).not.toBeInstanceOf(LoginRefusedError);
    expect(failed.message).toMatch(/^nightly: expected an answer, got: .*ECONNREFUSED/);
    service.refuseHttp = { status: 200 };
    await expect(newClient().sendHeartbeat()).rejects.toMatchObject({ status: 200 });
  });

  it.each([
    [{ agentId: "" }, "option agentId"],
    [{ httpUrl: undefined }, "which HttpHeartbeatClient needs"],
    [{ privateKey: undefined }, "expected privateKey, privateKeyPath or enrolmentToken"],
    [{ heartbeatInterval: 0 }, "option heartbeatInterval"],
    [{ requestTimeout: 0 }, "option requestTimeout"],
    [{ onDuplicate: "both" }, "option onDuplicate"],
    [{ url: "wss://x.test" }, "option url"],
  ])("can't be created with %j", (options, message) => {
    expect(() => newClient(options)).toThrow(message);
  });

  it("refuses an offline reason that readers do not know", async () => {
    await expect(newClient().leave({ reason: "bored" as never })).rejects.toThrow("option reason");
    expect(service.httpRequests).toHaveLength(0);
  });
});
