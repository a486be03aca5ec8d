import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { localFolder, type RunOptions, run } from "../../../testing/cli/run";
import { clientOf, type Engine, startEngine } from "../../../testing/engine";

let engine: Engine;
let cwd: string;
beforeAll(async () => {
  engine = await startEngine();
  cwd = await localFolder(engine);
  const file = join(cwd, ".local/outputs.json");
  const outputs = JSON.parse(await readFile(file, "utf8"));
  const dashboardUrl = "http://127.0.0.1:8787/dashboard/#url=x&organization=demo";
  await writeFile(file, JSON.stringify({ ...outputs, dashboardUrl }));
});
afterAll(() => engine.stop());

const dashboard = (args: string[] = [], options: RunOptions = {}) =>
  run(["dashboard", "--local", "--organization", "acme", ...args], { cwd, ...options });

const patient: RunOptions = {
  signal: new AbortController().signal,
  wait: (_, signal) =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
};

describe("dashboard", () => {
  it("registers a viewer that expires, and prints the address", async () => {
    const before = Date.now();
    const { code, stdout } = await dashboard(["--json", "--hours", "2"]);
    expect(code).toBe(0);
    const { url, agentId, expiresAt } = JSON.parse(stdout);
    const fields = Object.fromEntries(new URLSearchParams(new URL(url).hash.slice(1)));
    expect(fields).toEqual({
      url: "ws://127.0.0.1:8787/prod",
      organization: "acme",
      agent: agentId,
      key: expect.stringMatching(/^[\w-]{32,}$/),
      expires: String(expiresAt),
    });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:8787\/dashboard\/#url=/);
    expect(expiresAt).toBeGreaterThanOrEqual(before + 2 * 3_600_000);
    const get = await run(["agents", "get", "--local", "-o", "acme", "-a", agentId], { cwd });
    expect(get.stdout).toMatch(/^role +viewer$/m);
    expect(get.stdout).toMatch(/^ends +.* \(in (2 h 0|1 h 59) min\)$/m);
  });

  it("passes the address to the browser in a page, so that no process list shows the key", async () => {
    let opened = "";
    let location: string | null = null;
    const { code, stdout } = await dashboard([], {
      ...patient,
      browse: async (url) => {
        opened = url;
        expect((await fetch(new URL("/other", url))).status).toBe(404);
        const { headers, status } = await fetch(url, { redirect: "manual" });
        expect(status).toBe(302);
        location = headers.get("location");
      },
    });
    expect(code).toBe(0);
    expect(opened).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{22}$/);
    expect(location).toMatch(/#url=.*&key=/);
    expect(stdout).toMatch(/^The dashboard of the local service is open, signed in as viewer-\w+/);
    expect(stdout).not.toContain("key=");
  });

  it("opens the plain address of a local service, whose page signs in by itself", async () => {
    const file = join(cwd, ".local/outputs.json");
    const text = await readFile(file, "utf8");
    const dashboardUrl = "http://127.0.0.1:8787/";
    await writeFile(file, JSON.stringify({ ...JSON.parse(text), dashboardUrl }));
    try {
      let location: string | null = null;
      const { code, stdout } = await dashboard([], {
        ...patient,
        browse: async (url) => {
          location = (await fetch(url, { redirect: "manual" })).headers.get("location");
        },
      });
      expect(location).toBe("http://127.0.0.1:8787/?organization=acme");
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: `The dashboard of the local service is open: ${location}\n`,
      });
    } finally {
      await writeFile(file, text);
    }
  });

  it("says what to do if there is no browser, or it does not request the page", async () => {
    const none = await dashboard([], patient);
    expect(none).toMatchObject({ code: 1, stdout: "" });
    expect(none.stderr).toContain("`dashboard --no-open` prints its address instead.");
    const idle = await dashboard([], { ...patient, browse: async () => {}, wait: async () => {} });
    expect(idle.stderr).toContain("error: No browser opened the dashboard.");
  });

  it.each([
    [[], "ES256"],
    [["--algorithm", "ed25519"], "EdDSA"],
  ])(
    "signs with a key that every browser knows, or with the one that is asked for: %j",
    async (words, algorithm) => {
      const { stdout } = await dashboard(["--json", ...words]);
      const { agentId } = JSON.parse(stdout);
      const get = await run(["agents", "get", "--local", "-o", "acme", "-a", agentId], { cwd });
      expect(get.stdout).toContain(`(${algorithm}, added`);
    },
  );

  it("is found by the stack's outputs, and explained where there is none", async () => {
    const outputs = {
      WebSocketUrl: "wss://x.example/prod",
      StatusTableName: engine.statusTableName,
      RegistryTableName: engine.registryTableName,
      EventBusName: "Events",
    };
    const stacks = { With: { ...outputs, DashboardUrl: "https://d.example/" }, Without: outputs };
    const dynamoDb = async () => clientOf(engine.endpoint);
    const open = (stack: string) =>
      run(["dashboard", "--no-open", "--stack", stack, "-o", "acme"], { stacks, dynamoDb });
    expect((await open("With")).stdout).toMatch(/^https:\/\/d\.example\/#url=wss%3A/);
    const without = await open("Without");
    expect(without).toMatchObject({ code: 4, stdout: "" });
    expect(without.stderr).toContain("error: Stack Without has no dashboard.");
  });
});
