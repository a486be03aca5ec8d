import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { outputWithout, spawnLeashed } from "../../local/processes/leash";

const node = (program: string) =>
  spawnLeashed(process.execPath, ["-e", program], { output: "pipe" });

describe("a process on a leash", () => {
  it("is told to stop, and may take its time", async () => {
    const leashed = node(
      "process.on('SIGTERM', () => process.exit(3)); console.log('up'); setInterval(() => {}, 1000)",
    );
    expect(await outputWithout(leashed.child, "up")).toBeUndefined();
    await leashed.stop();
    expect(leashed.child.exitCode).toBe(3);
  });

  it("is killed if it does not stop in time, even while it is stopped by a signal", async () => {
    const leashed = node(
      "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)",
    );
    await outputWithout(leashed.child, "up");
    leashed.signal("SIGSTOP");
    await leashed.stop(50);
    expect(leashed.child.signalCode).toBe("SIGKILL");
  });

  it("tells what it printed if it ends before it is up", async () => {
    const { child } = node("console.error('no luck'); process.exit(1)");
    expect(await outputWithout(child, "up")).toBe("no luck\n");
  });

  it("ends with a parent that is killed hard, though stopped by a signal", async () => {
    const leash = join(__dirname, "..", "..", "local", "processes", "leash.ts");
    const forever = "console.log('up'); setInterval(() => {}, 1000)";
    const program = `
      const { outputWithout, spawnLeashed } = require(${JSON.stringify(leash)});
      const args = ["-e", ${JSON.stringify(forever)}];
      const { child, signal } = spawnLeashed(process.execPath, args, { output: "pipe" });
      outputWithout(child, "up").then(() => {
        signal("SIGSTOP");
        console.log(child.pid);
      });
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ["--import", require.resolve("tsx"), "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [printed] = await once(parent.stdout, "data");
    parent.kill("SIGKILL");
    const pid = Number(printed);
    while (runs(pid)) await new Promise((resolve) => setImmediate(resolve));
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
