/** The examples that are agents: each comes online, works on a message, and leaves in order. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { audienceOf } from "@agent-heartbeat/sdk/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { exportPKCS8 } from "jose";
import { loginClaims, type TestKey, testKey } from "../support/login";
import { BareClient } from "./support/client";
import { openTarget, type Target } from "./support/target";
import { until } from "./support/until";

const ROOT = join(__dirname, "..", "..");

describe("the example", () => {
  const organizationId = `e2e-${randomUUID()}`;
  const directory = mkdtempSync(join(tmpdir(), "example-"));
  const keyFile = join(directory, "key.pem");
  let target: Target;
  let key: TestKey;
  let sender: BareClient;
  let child: ChildProcess | undefined;
  beforeAll(async () => {
    target = openTarget();
    key = await testKey();
    writeFileSync(keyFile, await exportPKCS8(key.privateKey));
    await register("sender");
    sender = await BareClient.connect(
      target.url,
      key,
      loginClaims(audienceOf(target.url), Date.now(), {
        org: organizationId,
        iss: "sender",
        sub: "sender",
      }),
    );
  });
  afterEach(() => void child?.kill("SIGKILL"));
  afterAll(async () => {
    await sender.close();
    target.close();
    rmSync(directory, { recursive: true });
  });

  const register = (agentId: string) =>
    target.registry.register({ organizationId, agentId, publicKey: key.jwk as never });
  const status = (agentId: string) => target.statuses.getAgent(organizationId, agentId);

  it.each([
    ["minimal-agent", "tasks.process", { text: "hello" }],
    ["production-agent", "tasks.process", { text: "hello" }],
    ["llm-worker", "tasks.research", { question: "why", steps: 1 }],
  ])(
    "%s comes online, is reached, and leaves when it is told to",
    async (example, subject, data) => {
      await register(example);
      child = spawn(
        process.execPath,
        ["--conditions=agent-heartbeat-source", "--import", "tsx", `examples/${example}/main.ts`],
        {
          cwd: ROOT,
          stdio: ["ignore", "ignore", "inherit"],
          env: {
            ...process.env,
            AGENT_HEARTBEAT_URL: target.url,
            AGENT_HEARTBEAT_ORGANIZATION: organizationId,
            AGENT_HEARTBEAT_AGENT: example,
            AGENT_HEARTBEAT_KEY: keyFile,
          },
        },
      );
      await until(async () => (await status(example))?.status === "online" || undefined);
      const reached = await until(async () => {
        const answer = await sender.ask({ type: "publish", subject, data });
        return answer.reached === 1 ? answer.reached : undefined;
      });
      expect(reached).toBe(1);
      child.kill("SIGTERM");
      const gone = await until(async () => {
        const found = await status(example);
        return found?.status === "offline" ? found : undefined;
      });
      expect(gone.reason).toBe("drained");
    },
  );
});
