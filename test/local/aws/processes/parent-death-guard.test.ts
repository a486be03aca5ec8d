import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { outputWithout, spawnGuarded } from "../../../../local/aws/processes/parent-death-guard";
import { until } from "../../../../testing/e2e/until";
import { firstLine } from "../../../../testing/first-line";

const node = (program: string) =>
  spawnGuarded(process.execPath, ["-e", program], { output: "pipe" });

describe("a guarded process", () => {
  it("receives SIGTERM, and may take its time", async () => {
    const guarded = node(
      "process.on('SIGTERM', () => process.exit(3)); console.log('up'); setInterval(() => {}, 1000)",
    );
    expect(await outputWithout(guarded.child, "up")).toBeUndefined();
    await guarded.stop();
    expect(guarded.child.exitCode).toBe(3);
  });

  it("is killed if it does not end in time, even while it is suspended", async () => {
    const guarded = node(
      "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)",
    );
    await outputWithout(guarded.child, "up");
    guarded.signal("SIGSTOP");
    await guarded.stop(50);
    expect(guarded.child.signalCode).toBe("SIGKILL");
  });

  it("reports its output if it ends before it is ready", async () => {
    const { child } = node("console.error('no luck'); process.exit(1)");
    expect(await outputWithout(child, "up")).toBe("no luck\n");
  });

  it("ends with a parent that is killed, even while it is suspended", async () => {
    const parentDeathGuard = join(
      __dirname,
      "../../../../local/aws/processes/parent-death-guard.ts",
    );
    const forever = "console.log('up'); setInterval(() => {}, 1000)";
    const program = `
      const { outputWithout, spawnGuarded } = require(${JSON.stringify(parentDeathGuard)});
      const args = ["-e", ${JSON.stringify(forever)}];
      const { child, signal } = spawnGuarded(process.execPath, args, { output: "pipe" });
      outputWithout(child, "up").then(() => {
        signal("SIGSTOP");
        console.log(child.pid);
      });
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ["--import", require.resolve("tsx"), "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = Number(await firstLine(parent));
    parent.kill("SIGKILL");
    await until(async () => !runs(pid) || undefined);
  });
});

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
