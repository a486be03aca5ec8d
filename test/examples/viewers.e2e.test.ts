/** Runs the fleet-watching examples with `npm run example` against a local runtime. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { hasBrowser, SKIPPED, TestBrowser } from "../../testing/dashboard/browser";
import { type AgentProcess, startAgent } from "../../testing/e2e/agent-process";
import { openTarget, type Target } from "../../testing/e2e/target";
import { newP256Key } from "../../testing/keys";

const ROOT = join(__dirname, "..", "..");
const TSX = pathToFileURL(require.resolve("tsx")).href;

const target = () => readFileSync(process.env.AGENT_HEARTBEAT_TARGET ?? "", "utf8");
const isLocal = "dynamoDbEndpoint" in JSON.parse(target());

(isLocal ? describe : describe.skip)(
  `npm run example${isLocal ? "" : " (skipped: no local runtime)"}`,
  () => {
    const organizationId = `e2e-${randomUUID()}`;
    let folder: string;
    let deployment: Target;
    let agent: AgentProcess | undefined;
    let example: ChildProcess | undefined;

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "example-"));
      deployment = openTarget();
      mkdirSync(join(folder, ".local"));
      writeFileSync(join(folder, ".local", "outputs.json"), target());
    });
    afterEach(async () => {
      await agent?.end();
      example?.kill("SIGTERM");
      if (example?.exitCode === null) await once(example, "exit");
    });
    afterAll(() => {
      deployment.close();
      rmSync(folder, { recursive: true });
    });

    /** Starts an example. Resolves with the first output line that starts with `beginning`. */
    function line(name: string, beginning: string, environment = {}): Promise<string> {
      const words = ["--conditions=agent-heartbeat-source", "--import", TSX];
      const arguments_ = [join(ROOT, "examples", "run.ts"), name, "--organization", organizationId];
      const child = spawn(process.execPath, [...words, ...arguments_], {
        cwd: folder,
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, AGENT_HEARTBEAT_URL: "", ...environment },
      });
      example = child;
      return new Promise((resolve, reject) => {
        createInterface({ input: child.stdout }).on("line", (outputLine) => {
          if (outputLine.startsWith(beginning)) resolve(outputLine);
        });
        child.on("exit", (code) => reject(new Error(`${name} ended with ${code}`)));
      });
    }

    async function connect(agentId: string): Promise<AgentProcess> {
      const privateKey = newP256Key();
      await deployment.registry.register({ organizationId, agentId, publicKey: privateKey });
      agent = startAgent({ organizationId, agentId, privateKey, url: deployment.url });
      await agent.acknowledged;
      return agent;
    }

    it("slack-alert reports an agent that is killed", async () => {
      const server = createServer((request, response) => {
        void text(request).then((body) => {
          response.end("ok");
          server.emit("posted", body);
        });
      }).listen(0, "127.0.0.1");
      try {
        await once(server, "listening");
        const posted = once(server, "posted") as Promise<[string]>;
        const { port } = server.address() as AddressInfo;
        await line("slack-alert", "watching", {
          SLACK_WEBHOOK_URL: `http://127.0.0.1:${port}/`,
          SLACK_GRACE_SECONDS: "0",
        });
        const { child } = await connect("killed");
        child.kill("SIGKILL");
        const [body] = await posted;
        expect(JSON.parse(body).text).toContain("`killed`");
      } finally {
        server.close();
        server.closeAllConnections();
      }
    });

    (hasBrowser ? it : it.skip)(
      `browser-viewer shows agents that connect and disconnect${SKIPPED}`,
      async () => {
        const browser = new TestBrowser();
        try {
          const [firstLine] = await Promise.all([
            line("browser-viewer", "open "),
            browser.launch(),
          ]);
          const page = await browser.open(firstLine.slice("open ".length));
          await page.getByRole("status").getByText("live").waitFor();
          expect(new URL(page.url()).hash).toBe("");
          const row = page.getByRole("row").filter({ hasText: "shown" });
          const { child } = await connect("shown");
          await row.getByText("online").waitFor();
          child.kill("SIGKILL");
          await row.getByText("offline: connection_lost").waitFor();
          expect(browser.problems).toEqual([]);
        } finally {
          await browser.close();
        }
      },
    );
  },
);
