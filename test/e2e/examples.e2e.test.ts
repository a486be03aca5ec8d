/** The agents among the examples: each comes online, processes a message, and drains. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, posix } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { exportPKCS8 } from "jose";
import { audienceOf } from "../../core/login-claims";
import { BareClient } from "../../testing/e2e/client";
import { openTarget, type Target } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { loginClaims, type TestKey, testKey } from "../../testing/login";

const ROOT = join(__dirname, "..", "..");

describe("the example", () => {
  const organizationId = `e2e-${randomUUID()}`;
  let directory: string;
  let keyFile: string;
  let target: Target;
  let key: TestKey;
  let sender: BareClient;
  let child: ChildProcess | undefined;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "example-"));
    keyFile = join(directory, "key.pem");
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

  const settings = (agentId: string) => ({
    ...process.env,
    AGENT_HEARTBEAT_URL: target.url,
    AGENT_HEARTBEAT_ORGANIZATION: organizationId,
    AGENT_HEARTBEAT_AGENT: agentId,
    AGENT_HEARTBEAT_KEY: keyFile,
  });

  /** Starts a program with the variables of `examples/settings.ts`. */
  async function start(agentId: string, directory: string, [command = "", ...args]: string[]) {
    await register(agentId);
    child = spawn(command, args, {
      cwd: directory,
      stdio: ["ignore", "ignore", "inherit"],
      env: settings(agentId),
    });
    await until(async () => (await status(agentId))?.status === "online" || undefined);
  }

  async function reach(subject: string, data: object) {
    const reached = await until(async () => {
      const answer = await sender.ask({ type: "publish", subject, data });
      return answer.reached === 1 ? answer.reached : undefined;
    });
    expect(reached).toBe(1);
  }

  async function leave(agentId: string) {
    child?.kill("SIGTERM");
    const gone = await until(async () => {
      const found = await status(agentId);
      return found?.status === "offline" ? found : undefined;
    });
    expect(gone.reason).toBe("drained");
  }

  it.each([
    ["minimal-agent", "tasks.process", { text: "hello" }],
    ["production-agent", "tasks.process", { text: "hello" }],
    ["llm-worker", "tasks.research", { question: "why", steps: 1 }],
  ])(
    "%s comes online, receives a message, and leaves on request",
    async (example, subject, data) => {
      const node = [process.execPath, "--conditions=agent-heartbeat-source", "--import", "tsx"];
      await start(example, ROOT, [...node, `examples/${example}/main.ts`]);
      await reach(subject, data);
      await leave(example);
    },
  );

  it("dispatch gives each task to one worker, and to another one when the first dies", async () => {
    const agentId = "dispatch";
    for (const each of [agentId, `${agentId}-1`, `${agentId}-2`, `${agentId}-3`]) {
      await register(each);
    }
    const flags = ["--conditions=agent-heartbeat-source", "--import", "tsx"];
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...flags, "examples/dispatch/main.ts"],
      { cwd: ROOT, env: settings(agentId) },
    );
    const lines = stdout.trim().split("\n");
    const done = lines.map((line) =>
      /^a summary of page (\d), by dispatch-\d, attempt (\d)$/.exec(line)?.slice(1).join(" "),
    );
    expect(done).toEqual(["1 1", "2 1", "3 2", "4 1", "5 1"]);
  });

  it("container runs the steps of its Dockerfile in an empty folder", async () => {
    const image = join(directory, "image");
    const { copies, run, entrypoint } = stepsOf(join(ROOT, "examples", "container", "Dockerfile"));
    for (const { from, to } of copies) {
      const name = to.endsWith("/") ? join(to, basename(from)) : to;
      cpSync(join(ROOT, from), join(image, name), { recursive: true });
    }
    const app = join(image, "app");
    const description = readFileSync(join(app, "package.json"), "utf8");
    writeFileSync(join(app, "package.json"), description.replace("file:/", `file:${image}/`));
    await promisify(execFile)("sh", ["-c", run], { cwd: app });
    await start("container", app, entrypoint);
    await reach("tasks.process", { text: "hello" });
    await leave("container");
  });
});

/** The instructions of a Dockerfile with one stage. Paths are absolute. */
function stepsOf(file: string) {
  const lines = readFileSync(file, "utf8").split("\n");
  const words = (name: string) =>
    lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  const [folder = ""] = words("WORKDIR");
  return {
    copies: words("COPY").flatMap((line) => {
      const paths = line.split(" ");
      const to = posix.resolve(folder, paths.at(-1) ?? "");
      return paths.slice(0, -1).map((from) => ({ from, to: paths.length > 2 ? `${to}/` : to }));
    }),
    run: words("RUN").join(" && "),
    entrypoint: JSON.parse(words("ENTRYPOINT")[0] ?? "[]") as string[],
  };
}
