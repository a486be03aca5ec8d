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
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { type InstalledPackage, lintPackage } from "../../testing/empty-project";
import { Gateway } from "../../testing/gateway";
import { TEST_KEY } from "../../testing/keys";
import { packedSdk } from "../../testing/packed-sdk";

jest.setTimeout(120_000);

const run = promisify(execFile);
const repository = join(__dirname, "..", "..");
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  existsSync,
);

/** Gzipped, everything included that an agent in a page needs, or a fleet's watcher. */
const BROWSER_BUDGET_BYTES = 15 * 1024;

let sdk: InstalledPackage;
let gateway: Gateway;

beforeAll(async () => {
  gateway = await Gateway.start({ keys: [await publicKeyOf(TEST_KEY)] });
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
  const states = [];
  agent.on("state", ({ state }) => states.push(state));
  await agent.drain();
  const result = { algorithm: key.algorithm, agents, states };
`;
const RESULT = { algorithm: "ES256", agents: [], states: ["draining", "stopped"] };

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
      const { claims, closed } = gateway.last;
      expect([claims.sub, closed?.reason]).toEqual([agentId, "drained"]);
    }
  });

  it.each([
    ["fleet", "FleetWatcher"],
    ["protocol", "SUBPROTOCOL"],
    ["status", "StatusReader"],
    ["registry", "AgentRegistry"],
  ])("has the entry %s in both kinds of modules", async (entry, name) => {
    const id = `@agent-heartbeat/sdk/${entry}`;
    const esm = `import { ${name} } from "${id}"; console.log(typeof ${name});`;
    const cjs = `console.log(typeof require("${id}").${name});`;
    const options = { cwd: sdk.project, env: { ...process.env, NODE_NO_WARNINGS: "1" } };
    for (const [kind, code] of [["module", esm] as const, ["commonjs", cjs] as const]) {
      const flags = [`--input-type=${kind}`, "--eval", code];
      const { stdout } = await run(process.execPath, flags, options);
      expect(stdout.trim()).not.toBe("undefined");
    }
  });

  it("has types that compile, checked themselves, for both kinds of modules", async () => {
    const code = `
      import { HeartbeatAgent, type ConnectionHealth } from "@agent-heartbeat/sdk";
      import { FleetWatcher } from "@agent-heartbeat/sdk/fleet";
      import { SUBPROTOCOL } from "@agent-heartbeat/sdk/protocol";
      import { StatusReader } from "@agent-heartbeat/sdk/status";
      const agent = new HeartbeatAgent({
        agentId: "a", organizationId: "o", url: "wss://h/s", privateKeyPath: "k.pem",
      });
      export const health: ConnectionHealth = agent.getConnectionHealth();
      export const names: string[] = [SUBPROTOCOL, StatusReader.name, FleetWatcher.name];
    `;
    await writeFile(join(sdk.project, "types.mts"), code);
    await writeFile(join(sdk.project, "types.cts"), code);
    const flags =
      "--ignoreConfig --noEmit --strict --module node20 --target es2022 --types node".split(" ");
    const tsc = join(repository, "node_modules", "typescript", "bin", "tsc");
    const files = ["types.mts", "types.cts"];
    const compiled = run(process.execPath, [tsc, ...flags, ...files], { cwd: sdk.project });
    expect(await compiled.catch(({ stdout }) => ({ stdout }))).toMatchObject({ stdout: "" });
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
      expect(gateway.last.claims.sub).toBe("page");
      expect(gateway.last.closed).toEqual({ code: 1000, reason: "drained" });
    },
  );

  it.each([
    ["node", "@agent-heartbeat/sdk", "HeartbeatAgent"],
    ["browser", "@agent-heartbeat/sdk", "HeartbeatAgent"],
    ["node", "@agent-heartbeat/sdk/fleet", "FleetWatcher"],
    ["browser", "@agent-heartbeat/sdk/fleet", "FleetWatcher"],
  ])(
    "is loaded by CommonJS under the condition %s, as Jest does for pages: %s",
    async (condition, id, name) => {
      const code = `const { ${name} } = require("${id}"); console.log(typeof ${name}, require.resolve("${id}"));`;
      const flags = ["--conditions", condition, "--eval", code];
      const { stdout } = await run(process.execPath, flags, { cwd: sdk.project });
      expect(stdout).toMatch(
        condition === "browser" ? /^function .*(browser|fleet)\.cjs$/m : /^function .*node\.cjs$/m,
      );
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
