/** Jobs, kept online by nothing but curl. */

import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { openTarget, type Target } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { temporaryFolder } from "../../testing/temporary-folder";

const run = promisify(execFile);

describe("a job", () => {
  const organizationId = `e2e-${randomUUID()}`;
  let target: Target;
  beforeAll(() => {
    target = openTarget();
  });
  afterAll(() => target.close());

  const register = async (agentId: string, everyMs = 3_600_000, graceMs = 60_000) => {
    const job = { everyMs, graceMs };
    const { pingSecret } = await target.registry.registerJob({ organizationId, agentId, job });
    return `${target.http.url}/ping/${pingSecret}`;
  };
  const curl = (...words: string[]) => run("curl", ["-fsS", "--noproxy", "*", ...words]);
  const status = (agentId: string) => target.statuses.getAgent(organizationId, agentId);

  it("is online by curl alone, and offline when the next ping was due", async () => {
    const url = await register("short", 10_000, 1000);
    expect(await status("short")).toBeUndefined();
    await curl(url);
    const online = await status("short");
    expect(online).toMatchObject({ status: "online", heartbeatIntervalMs: 10_000 });
    const due = (online?.lastHeartbeatAt ?? 0) + 11_000;
    expect(online?.leaseExpiresAt).toBe(due);
    const offline = await until(async () => {
      const seen = await status("short");
      return seen?.status === "offline" ? seen : undefined;
    });
    expect(offline).toMatchObject({ reason: "lease_expired", since: due });
    await curl("-X", "POST", "-d", "any text", url);
    expect(await status("short")).toMatchObject({ status: "online" });
  });

  it("reports the result of its run with the crontab line of the docs, unchanged", async () => {
    const page = await readFile(join(__dirname, "../../docs/jobs.md"), "utf8");
    const [, crontab = ""] = /```crontab\n([\s\S]*?)```/.exec(page) ?? [];
    const command = /^(?:\S+ ){5}(.*)$/m.exec(crontab.replace(/^\w+=.*\n/, ""))?.[1] ?? "";
    expect(command).toContain("curl");
    const folder = await temporaryFolder();
    const script = join(folder, "backup.sh");
    const backup = async (body: string) => {
      await writeFile(script, `#!/bin/sh\n${body}\n`);
      await chmod(script, 0o755);
      const env = { ...process.env, PING_URL: await url, no_proxy: "*" };
      return run("sh", ["-c", command], { cwd: folder, env });
    };
    const url = register("nightly");
    await backup("exit 0");
    expect(await status("nightly")).toMatchObject({
      status: "online",
      activity: { state: "idle" },
    });
    await backup("exit 3");
    expect(await status("nightly")).toMatchObject({
      status: "offline",
      reason: "failed",
      activity: { note: "exit status 3" },
    });
    await backup("true");
    expect(await status("nightly")).toMatchObject({ status: "online" });
  });

  it("that is disabled is refused at once", async () => {
    const url = await register("locked");
    await curl(url);
    await target.registry.disable({ organizationId, agentId: "locked" });
    await expect(curl(url)).rejects.toThrow("404");
    expect(await status("locked")).toMatchObject({ status: "offline", reason: "revoked" });
  });
});
