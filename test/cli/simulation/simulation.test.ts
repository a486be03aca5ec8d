import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { faultsOfSecond } from "../../../cli/src/simulation/chaos";
import { Measurements, Rate, Times } from "../../../cli/src/simulation/measurements";
import { observe } from "../../../cli/src/simulation/observer";
import type { SimulatedAgent } from "../../../cli/src/simulation/simulated-agent";
import { parseDuration } from "../../../cli/src/terminal/durations";
import { newEnrolmentName, newEnrolmentToken } from "../../../core/enrolment-token";
import { localFolder, run } from "../../../testing/cli/run";
import { type Engine, startEngine } from "../../../testing/engine";

type Steadiness = Pick<SimulatedAgent, "agentId" | "steadySince" | "awaySince">;

/** What one look at agents counts that read as `online` says. */
async function look(agents: Steadiness[], online: string[], now = 100_000) {
  const measurements = new Measurements();
  await observe({
    statuses: {
      async *allAgents() {
        for (const agentId of online) yield { agentId } as never;
      },
    },
    organizationId: "acme",
    agents: new Map(agents.map((agent) => [agent.agentId, agent as SimulatedAgent])),
    leaseMs: 15_000,
    measurements,
    now: () => now,
  });
  const { falseOfflines, falseOnlines, readings } = measurements;
  return { falseOfflines, falseOnlines, readings };
}

const steady = (since: number) => ({ agentId: "a1", steadySince: since, awaySince: null });
const away = (since: number) => ({ agentId: "a1", steadySince: null, awaySince: since });

describe("a look at a simulated fleet", () => {
  it.each([
    ["an agent that is connected and reads so", steady(0), ["a1"], {}],
    ["an agent that is connected and reads as offline", steady(0), [], { falseOfflines: 1 }],
    ["an agent that has connected just now", steady(99_000), [], {}],
    ["an agent that is away within its lease", away(90_000), ["a1"], {}],
    ["an agent that is away for longer", away(80_000), ["a1"], { falseOnlines: 1 }],
    ["an agent that is away for longer and reads so", away(80_000), [], {}],
  ])("judges %s", async (_, agent, online, wrong) => {
    expect(await look([agent], online)).toEqual({
      falseOfflines: 0,
      falseOnlines: 0,
      readings: 1,
      ...wrong,
    });
  });
});

describe("measurements", () => {
  it("have percentiles by the nearest rank, and none without values", () => {
    const times = new Times();
    expect(times.percentiles()).toEqual({ p50: null, p95: null, p99: null, max: null });
    for (let ms = 1; ms <= 100; ms++) times.add(ms);
    expect(times.percentiles()).toEqual({ p50: 50, p95: 95, p99: 99, max: 100 });
  });

  it("report the rate of the last whole second, and the highest rate", () => {
    const rate = new Rate();
    for (const at of [1000, 1100, 1999, 2000]) rate.add(at);
    expect(rate.now(2500)).toBe(3);
    expect(rate.now(3000)).toBe(1);
    expect(rate.now(9000)).toBe(0);
    expect(rate).toMatchObject({ total: 4, peak: 3 });
  });
});

describe("chaos", () => {
  it("spares agents that are not connected, and chooses among all kinds of faults", () => {
    const agents = [steady(0), away(0)] as SimulatedAgent[];
    const fault = (second: number) => {
      const values = [0, second];
      return faultsOfSecond(agents, () => values.shift() ?? 1).map((one) => one.fault);
    };
    expect([0, 0.4, 0.99].map(fault)).toEqual([["cut"], ["silence"], ["crash"]]);
    expect(faultsOfSecond(agents, () => 0.5)).toEqual([]);
  });
});

describe("a duration", () => {
  it.each([
    ["20s", 20_000],
    ["1.5m", 90_000],
    ["1h", 3_600_000],
    ["7", 7000],
    ["0", 0],
    ["x", undefined],
    ["-1s", undefined],
    ["5d", 432_000_000],
    ["5w", undefined],
  ])("is read from %p", (text, ms) => expect(parseDuration(text)).toBe(ms));
});

describe("simulate", () => {
  let engine: Engine;
  let cwd: string;
  beforeAll(async () => {
    engine = await startEngine();
    cwd = await localFolder(engine);
  });
  afterAll(() => engine.stop());

  const simulate = (...args: string[]) =>
    run(["simulate", "--local", "-o", "acme", ...args], { cwd });

  it.each([
    [["--agents", "0"], "Expected a whole number, from 1 to 5000."],
    [["--ramp", "soon"], "Expected a duration, such as 20s, 5m, 1h or 30d."],
    [["--interval", "1"], "Expected seconds, from 5 to 540."],
    [["--heartbeat-transport", "smoke"], "Allowed choices are websocket, http."],
    [["--heartbeat-transport", "http", "--chaos"], "exclude each other"],
    [["--prefix", "a#"], 'Prefix "a#": expected the beginning of an id, at most 115 characters'],
  ])("refuses %p", async (args, sentence) => {
    const { code, stderr } = await simulate(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
  });

  const byRoles = newEnrolmentName("acme").token;
  const withCredentials = (credentials: object) => async (config: DynamoDBClientConfig) =>
    new DynamoDBClient(
      config.endpoint
        ? config
        : { ...config, region: "eu-west-1", credentials: credentials as never },
    );
  const USER = { accessKeyId: "AKIAUSER", secretAccessKey: "secret" };

  it("refuses an enrolment by role without a role, before it registers anybody", async () => {
    const { code, stderr } = await run(
      ["simulate", "--local", "-o", "acme", "--enrolment-token", byRoles],
      { cwd, dynamoDb: withCredentials(USER) },
    );
    expect(code).toBe(2);
    expect(stderr).toContain("expected AWS credentials of a role, got a user's");
  });

  it("says that it needs a region for an enrolment by role", async () => {
    const { code, stderr } = await run(
      ["simulate", "--local", "-o", "acme", "--enrolment-token", byRoles],
      {
        cwd,
        dynamoDb: async (config) =>
          new DynamoDBClient({
            ...config,
            credentials: { ...USER, sessionToken: "session" },
            region:
              config.region ??
              ((): Promise<string> => {
                throw new Error("Region is missing");
              }),
          }),
      },
    );
    expect(code).toBe(4);
    expect(stderr).toContain("Add --region, or set AWS_REGION.");
  });

  it.each([
    ["a token with a secret", () => newEnrolmentToken("acme").token, undefined],
    ["the caller's role", () => byRoles, expect.stringContaining("X-Amz-Credential=ASIAROLE")],
  ])(
    "has agents register themselves by %s, and says why they are refused",
    async (_, token, url) => {
      const bodies: { awsProof?: { url: string } }[] = [];
      const server = createServer(async (request, response) => {
        bodies.push(JSON.parse(String(Buffer.concat(await request.toArray()))));
        response
          .writeHead(403)
          .end(JSON.stringify({ type: "name_not_allowed", message: "Not this name" }));
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const httpUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      let now = 0;
      const { code, stdout, stderr } = await run(
        [
          "simulate",
          "--local",
          "-o",
          "acme",
          "--agents",
          "2",
          "--ramp",
          "0",
          "--duration",
          "1s",
        ].concat(["--enrolment-token", token(), "--http-url", httpUrl]),
        {
          cwd,
          signal: new AbortController().signal,
          dynamoDb: withCredentials({ ...USER, accessKeyId: "ASIAROLE", sessionToken: "session" }),
          // Time begins when both have been answered.
          now: () => now,
          wait: async () => {
            await setTimeout(10);
            if (bodies.length === 2) now += 50;
          },
        },
      );
      server.close();
      expect(stdout).toMatch(/^failures seen +enrolment:name_not_allowed 2$/m);
      expect(stderr).toContain("2 of 2 agents never connected.");
      expect(stderr).toContain(
        "status 403: Not this name; `agent-heartbeat enrolments list` shows",
      );
      expect(code).toBe(1);
      expect(bodies.map(({ awsProof }) => awsProof?.url)).toEqual([url, url]);
    },
  );

  it("prints a report for a person, and removes what it registered before it was interrupted", async () => {
    const { code, stdout } = await simulate("--agents", "3");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^agents +0 of 3 connected$/m);
    expect(stdout).toMatch(/^false offlines +0 in 0 readings$/m);
    const { stdout: list } = await run(["agents", "list", "--local", "-o", "acme"], { cwd });
    expect(list).toBe("Organization acme has no registered agents.\n");
  });
});
