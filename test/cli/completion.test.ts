import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { emptyFolder, run } from "./run";

const exec = promisify(execFile);

describe("completion bash", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await emptyFolder();
    const { code, stdout } = await run(["completion", "bash"]);
    expect(code).toBe(0);
    await writeFile(join(folder, "completion.bash"), stdout);
    await writeFile(join(folder, "agents.csv"), "");
  });

  /** What a real bash offers for the last word of a command line. */
  async function offers(...words: string[]): Promise<string[]> {
    const line = ["agent-heartbeat", ...words].map((word) => `'${word}'`).join(" ");
    const script = `source completion.bash; COMP_WORDS=(${line}); COMP_CWORD=${words.length};
      _agent_heartbeat; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await exec("bash", ["--norc", "-c", script], { cwd: folder });
    return stdout.trim().split("\n").sort();
  }

  it("offers commands, and the commands of a command", async () => {
    expect(await offers("s")).toEqual(["send", "simulate", "status"]);
    expect(await offers("agents", "rem")).toEqual(["remove", "remove-key"]);
    expect(await offers("--debug", "agents", "li")).toEqual(["list"]);
  });

  it("offers the options of a command, their choices, and files", async () => {
    expect(await offers("status", "--st")).toEqual(["--stack", "--status"]);
    expect(await offers("status", "--status", "o")).toEqual(["offline", "online"]);
    expect(await offers("status", "-o", "agents", "--wa")).toEqual(["--watch"]);
    expect(await offers("agents", "register", "--public-key", "ag")).toEqual(["agents.csv"]);
    expect(await offers("agents", "import", "ag")).toEqual(["agents.csv"]);
    expect(await offers("status", "--region", "x")).toEqual([""]);
  });
});

describe("completion zsh", () => {
  it("names every command with what it does, and options with their choices", async () => {
    const { stdout } = await run(["completion", "zsh"]);
    expect(stdout).toContain("'status:show who is online, and why the others are not'");
    expect(stdout).toContain("'--status[only these]:value:(online offline stalled)'");
    expect(stdout).toContain(
      "'--public-key[take the public key from this file (PEM or JWK)]:file:_files'",
    );
    expect(stdout.trimEnd().endsWith("compdef _agent_heartbeat agent-heartbeat")).toBe(true);
  });
});

describe("completion", () => {
  it("knows no other shell", async () => {
    const { code, stderr } = await run(["completion", "fish"]);
    expect(code).toBe(2);
    expect(stderr).toContain("Allowed choices are bash, zsh.");
  });
});
