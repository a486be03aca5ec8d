import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { publicKeyOf } from "@agent-heartbeat/sdk";
import { type FakeService, startFakeService } from "@agent-heartbeat/sdk/testing";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type InstalledPackage, lintPackage } from "../../testing/empty-project";
import { TEST_KEY } from "../../testing/keys";
import { typeErrors } from "../../testing/package-types";
import { packedSdk } from "../../testing/packed-sdk";

const run = promisify(execFile);
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  existsSync,
);

/** Gzipped, everything included that an agent in a page needs, or a fleet's watcher. */
const BROWSER_BUDGET_BYTES = 15 * 1024;

let sdk: InstalledPackage;
let gateway: FakeService;

beforeAll(async () => {
  gateway = await startFakeService({ keys: [await publicKeyOf(TEST_KEY)] });
  sdk = await packedSdk();
});

afterAll(async () => {
  await gateway.close();
  await rm(join(sdk.project, ".."), { recursive: true });
});

/** What an application does, in the part of JavaScript that all platforms share. */
const application = (options: object) => `
  const options = ${JSON.stringify({ organizationId: "acme", url: gateway.url, ...options })};
  const key = await publicKeyOf(options.privateKey);
  const agent = new HeartbeatAgent({ ...options, logger: null });
  await agent.start();
  const { agents } = await agent.list();
  const own = agents.find(({ agentId }) => agentId === agent.agentId);
  const states = [];
  agent.on("state", ({ state }) => states.push(state));
  await agent.drain();
  const result = { algorithm: key.algorithm, status: own.status, states };
`;
const RESULT = { algorithm: "ES256", status: "online", states: ["draining", "stopped"] };

describe("the packed package, in an empty project", () => {
  it.each([
    [
      "ES modules",
      "esm.mjs",
      'import { HeartbeatAgent, publicKeyOf } from "@agent-heartbeat/sdk";',
    ],
    [
      "CommonJS",
      "cjs.cjs",
      'const { HeartbeatAgent, publicKeyOf } = require("@agent-heartbeat/sdk");',
    ],
  ])("runs from %s, with its heartbeats in this thread and in another", async (_, file, load) => {
    for (const heartbeatThread of [false, true]) {
      const agentId = `${file.slice(0, 3)}-${heartbeatThread}`;
      const code = application({ agentId, privateKey: TEST_KEY, heartbeatThread });
      const text = `${load}\n(async () => { ${code} console.log(JSON.stringify(result)); })();`;
      await writeFile(join(sdk.project, file), text);
      const { stdout, stderr } = await run(process.execPath, [file], { cwd: sdk.project });
      expect(stderr).toBe("");
      expect(JSON.parse(stdout)).toEqual(RESULT);
      const { agentId: connected, closed } = gateway.last;
      expect([connected, closed?.reason]).toEqual([agentId, "drained"]);
    }
  });

  it.each(["module", "commonjs"])("has every entry in modules of the type %s", async (type) => {
    const entries = {
      fleet: "FleetWatcher",
      protocol: "SUBPROTOCOL",
      status: "StatusReader",
      registry: "AgentRegistry",
      testing: "startFakeService",
    };
    const code = Object.entries(entries).map(([entry, name]) => {
      const id = `"@agent-heartbeat/sdk/${entry}"`;
      const load = type === "module" ? `await import(${id})` : `require(${id})`;
      return `console.log("${entry}", typeof (${load}).${name});`;
    });
    const options = { cwd: sdk.project, env: { ...process.env, NODE_NO_WARNINGS: "1" } };
    const flags = [`--input-type=${type}`, "--eval", code.join("\n")];
    const { stdout } = await run(process.execPath, flags, options);
    expect(stdout.trim().split("\n")).toEqual([
      "fleet function",
      "protocol string",
      "status function",
      "registry function",
      "testing function",
    ]);
  });

  it("has types that compile, checked themselves, for both kinds of modules", () => {
    const code = `
      import { HeartbeatAgent, type ConnectionHealth } from "@agent-heartbeat/sdk";
      import { FleetWatcher } from "@agent-heartbeat/sdk/fleet";
      import { SUBPROTOCOL } from "@agent-heartbeat/sdk/protocol";
      import { StatusReader } from "@agent-heartbeat/sdk/status";
      const agent = new HeartbeatAgent({
        agentId: "a", organizationId: "o", url: "wss://h/s", privateKeyPath: "k.pem",
      });
      export const health: ConnectionHealth = agent.getConnectionHealth();
      // @ts-expect-error: options are required
      new HeartbeatAgent();
      export const names: string[] = [SUBPROTOCOL, StatusReader.name, FleetWatcher.name];
    `;
    expect(typeErrors(sdk, code)).toEqual([]);
  });

  (chromium ? it : it.skip)(
    "runs in headless Chromium (skipped where it is not installed)",
    async () => {
      const code = application({ agentId: "page", privateKey: TEST_KEY });
      const page = `<!doctype html><script type="module">
      import { HeartbeatAgent, publicKeyOf } from "/browser.js";
      let body;
      try { ${code} body = JSON.stringify(result); } catch (error) { body = String(error.stack); }
      await fetch("/result", { method: "POST", body });
    </script>`;
      const bundle = await readFile(join(sdk.installed, "dist", "browser.js"));
      expect(JSON.parse(await resultOfPage(page, bundle))).toEqual(RESULT);
      expect(gateway.last.agentId).toBe("page");
      expect(gateway.last.closed).toEqual({ code: 1000, reason: "drained" });
    },
  );

  it.each([
    ["node", ["node.cjs", "node.cjs"]],
    ["browser", ["browser.cjs", "fleet.cjs"]],
  ])(
    "is loaded by CommonJS under the condition %s, as Jest does for pages",
    async (condition, files) => {
      const ids = ["@agent-heartbeat/sdk", "@agent-heartbeat/sdk/fleet"];
      const names = ["HeartbeatAgent", "FleetWatcher"];
      const code = ids.map(
        (id, index) =>
          `console.log(typeof require("${id}").${names[index]}, path.basename(require.resolve("${id}")));`,
      );
      const flags = ["--conditions", condition, "--eval", code.join("\n")];
      const { stdout } = await run(process.execPath, flags, { cwd: sdk.project });
      expect(stdout.trim().split("\n")).toEqual(files.map((file) => `function ${file}`));
    },
  );

  it("keeps its heartbeats in a thread whatever flags the program was started with", async () => {
    await writeFile(
      join(sdk.project, "preload.cjs"),
      'if (!require("node:worker_threads").isMainThread) throw new Error("loaded into the thread");',
    );
    const code = application({ agentId: "flags", privateKey: TEST_KEY, heartbeatThread: true });
    const load = 'import { HeartbeatAgent, publicKeyOf } from "@agent-heartbeat/sdk";';
    const text = `${load}\n${code}\nconsole.log(JSON.stringify(result));`;
    await writeFile(join(sdk.project, "flags.mjs"), text);
    for (const flags of [
      ["--input-type=module", "--eval", text],
      ["--require", "./preload.cjs", "flags.mjs"],
      ["--import", "./preload.cjs", "flags.mjs"],
      ["--inspect=0", "flags.mjs"],
    ]) {
      const { stdout } = await run(process.execPath, flags, { cwd: sdk.project });
      expect([flags[0], JSON.parse(stdout)]).toEqual([flags[0], RESULT]);
    }
  });

  it("is clean for publint and attw", async () => {
    await lintPackage(sdk.installed, "strict");
  });
});

describe.each(["browser.js", "fleet.js"])("the browser build %s", (file) => {
  it(`is smaller than ${BROWSER_BUDGET_BYTES} bytes when gzipped`, async () => {
    const bundle = await readFile(join(sdk.installed, "dist", file));
    expect(gzipSync(bundle, { level: 9 }).byteLength).toBeLessThan(BROWSER_BUDGET_BYTES);
  });

  it("imports nothing", async () => {
    const bundle = await readFile(join(sdk.installed, "dist", file), "utf8");
    expect(bundle).not.toMatch(/\b(import\s*["'{*(]|require\()/);
  });
});

/** Shows a page to Chromium and returns what the page posts. */
async function resultOfPage(page: string, bundle: Buffer): Promise<string> {
  const profile = await mkdtemp(join(tmpdir(), "agent-heartbeat-chromium-"));
  let report: (body: string) => void = () => {};
  const reported = new Promise<string>((resolve) => {
    report = resolve;
  });
  const server = createServer(async (request, response) => {
    if (request.url === "/result") {
      let body = "";
      for await (const chunk of request) body += chunk;
      response.end();
      report(body);
    } else if (request.url === "/browser.js") {
      response.setHeader("content-type", "text/javascript").end(bundle);
    } else response.setHeader("content-type", "text/html").end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--user-data-dir=${profile}`,
    `http://127.0.0.1:${port}/`,
  ];
  const browser = spawn(chromium ?? "", flags, {
    stdio: "ignore",
    // Ended by a signal, it leaves its own temporary files.
    env: { ...process.env, TMPDIR: profile },
  });
  const exited = new Promise((resolve) => browser.on("exit", resolve));
  try {
    return await reported;
  } finally {
    browser.kill();
    await exited;
    server.closeAllConnections();
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
