import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { emptyFolder, run } from "../../../testing/cli/run";

const exec = promisify(execFile);

type Offers = (...words: string[]) => Promise<string[]>;

/** What every shell offers. The last word is the one at which the person presses the tab key. */
function offersAll(offers: Offers) {
  it("offers commands, and the commands of a command", async () => {
    expect(await offers("s")).toEqual(["send", "simulate", "status"]);
    expect(await offers("agents", "rem")).toEqual(["remove", "remove-key"]);
    expect(await offers("--debug", "agents", "li")).toEqual(["list"]);
  });

  it("offers the options of a command, their choices, and files", async () => {
    expect(await offers("status", "--st")).toEqual(["--stack", "--status", "--status-table"]);
    expect(await offers("status", "--status", "o")).toEqual(["offline", "online"]);
    expect(await offers("status", "-o", "agents", "--wa")).toEqual(["--watch"]);
    expect(await offers("agents", "register", "--public-key", "ag")).toEqual(["agents.csv"]);
    expect(await offers("agents", "import", "ag")).toEqual(["agents.csv"]);
    expect(await offers("status", "--region", "x")).toEqual([""]);
  });
}

async function folderWith(shell: string): Promise<string> {
  const folder = await emptyFolder();
  const { code, stdout } = await run(["completion", shell]);
  expect(code).toBe(0);
  await writeFile(join(folder, `completion.${shell}`), stdout);
  await writeFile(join(folder, "agents.csv"), "");
  return folder;
}

describe("completion bash", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await folderWith("bash");
  });

  offersAll(async (...words) => {
    const line = ["agent-heartbeat", ...words].map((word) => `'${word}'`).join(" ");
    const script = `source completion.bash; COMP_WORDS=(${line}); COMP_CWORD=${words.length};
      _agent_heartbeat; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await exec("bash", ["--norc", "-c", script], { cwd: folder });
    return stdout.trim().split("\n").sort();
  });
});

/** Types a line and a tab into an interactive zsh, whose completion notes what it offers. */
const ASK_ZSH = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "source ./shell.zsh"
while zpty -r shell line; do [[ $line == *ready* ]] && break; done
zpty -w -n shell "$1"$'\\t'
while zpty -r shell line; do [[ $line == *asked* ]] && break; done
zpty -d shell
`;
const SHELL_ZSH = `
PROMPT=
autoload -Uz compinit && compinit -D -u
source ./completion.zsh
compadd() {
  local -a found
  [[ " $* " == *" -"[OAD]" "* ]] || { builtin compadd -O found "$@"; print -rl -- $found >> offers }
  builtin compadd "$@"
}
finish() { print asked }
comppostfuncs=(finish)
print rea''dy
`;

const hasZsh = ["/bin/zsh", "/usr/bin/zsh"].some((path) => existsSync(path));

(hasZsh ? describe : describe.skip)(
  `completion zsh${hasZsh ? "" : " (skipped: there is no zsh)"}`,
  () => {
    let folder: string;
    beforeAll(async () => {
      folder = await folderWith("zsh");
      await writeFile(join(folder, "ask.zsh"), ASK_ZSH);
      await writeFile(join(folder, "shell.zsh"), SHELL_ZSH);
    });

    offersAll(async (...words) => {
      const noted = join(folder, "offers");
      await writeFile(noted, "");
      const line = ["agent-heartbeat", ...words].join(" ");
      await exec("zsh", ["-f", "ask.zsh", line], { cwd: folder });
      return [...new Set((await readFile(noted, "utf8")).trim().split("\n"))].sort();
    });
  },
);

describe("the script for zsh", () => {
  it("names every command with what it does, and options with their choices", async () => {
    const { stdout } = await run(["completion", "zsh"]);
    expect(stdout).toContain("'status:show who is online, and why the others are not'");
    expect(stdout).toContain(
      "'--status[only agents with this status]:value:(online offline stalled draining)'",
    );
    expect(stdout).toContain(
      "'--public-key[take the public key from this file (PEM or JWK)]:file:_files'",
    );
    expect(stdout.trimEnd().endsWith("compdef _agent_heartbeat agent-heartbeat")).toBe(true);
  });
});

describe("completion", () => {
  it("refuses other shells", async () => {
    const { code, stderr } = await run(["completion", "fish"]);
    expect(code).toBe(2);
    expect(stderr).toContain("Allowed choices are bash, zsh.");
  });
});
