import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { EXIT, EXIT_MEANINGS } from "../../cli/src/failure";
import type { Io } from "../../cli/src/io";
import { createProgram } from "../../cli/src/program";
import { run } from "../../testing/cli/run";

const PAGE = join(__dirname, "../../docs/cli.md");

/** Each command's help stands in the page under a comment that names the command. */
const BLOCK = /<!-- help: (.*?) -->\n```text\n([\s\S]*?)\n```/g;

const silent = { write: () => undefined, isTTY: false };
const program = createProgram({ stdout: silent, stderr: silent, env: {} } as unknown as Io);

/** The names of all commands, as they are typed: `agents list`. */
function namesOf(command: typeof program, prefix: string[] = []): string[] {
  return command.commands.flatMap((child) => {
    const name = [...prefix, child.name()];
    return child.commands.length > 0 ? namesOf(child, name) : [name.join(" ")];
  });
}

async function helpOf(name: string): Promise<string> {
  const words = name === "agent-heartbeat" ? [] : name.split(" ");
  const { stdout } = await run([...words, "--help"], { columns: 80 });
  return stdout.trimEnd();
}

describe("the page docs/cli.md", () => {
  it("shows every command's help as it is (UPDATE_DOCS=1 writes it anew)", async () => {
    const names = ["agent-heartbeat", ...namesOf(program)];
    const helps = new Map(
      await Promise.all(names.map(async (name) => [name, await helpOf(name)] as const)),
    );
    let page = await readFile(PAGE, "utf8");
    if (process.env.UPDATE_DOCS) {
      page = page.replace(
        BLOCK,
        (_, name) => `<!-- help: ${name} -->\n\`\`\`text\n${helps.get(name) ?? ""}\n\`\`\``,
      );
      await writeFile(PAGE, page);
    }
    const shown = new Map(
      [...page.matchAll(BLOCK)].map(([, name = "", help = ""]) => [name, help]),
    );
    expect([...shown.keys()].sort()).toEqual([...names].sort());
    for (const [name, help] of shown) expect(help).toBe(helps.get(name));
  });

  it("lists every exit code with its meaning", async () => {
    const page = await readFile(PAGE, "utf8");
    const rows = [...page.matchAll(/^\| (\d) \| (.*?) \|$/gm)].map(([, code, meaning]) => [
      Number(code),
      meaning,
    ]);
    const codes = Object.entries(EXIT).map(([name, code]) => [
      code,
      EXIT_MEANINGS[name as keyof typeof EXIT],
    ]);
    expect(rows).toEqual(codes);
  });
});
