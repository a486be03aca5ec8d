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

/** The page shows once what many commands have: under these names, as a section of this command's help. */
const SHARED = { "deployment options": "Deployment:", "global options": "Global Options:" };
const WITH_SHARED = "status";

const sectionsOf = async (name: string): Promise<string[]> => {
  const words = name === "agent-heartbeat" ? [] : name.split(" ");
  const { stdout } = await run([...words, "--help"], { columns: 80 });
  return stdout.trimEnd().split("\n\n");
};

/** The help as the page shows it, by name: of each command, and of what they share. */
async function helps(names: string[]): Promise<Map<string, string>> {
  const all = await sectionsOf(WITH_SHARED);
  const shared = Object.entries(SHARED).map(([name, title]) => {
    const section = all.find((text) => text.startsWith(title));
    return [name, section ?? `no ${title}`] as const;
  });
  // Columns are as wide as a command's longest option.
  const plain = (text: string) => text.replace(/\s+/g, " ");
  const known = shared.map(([, text]) => plain(text));
  const own = names.map(async (name) => {
    const sections = await sectionsOf(name);
    return [name, sections.filter((text) => !known.includes(plain(text))).join("\n\n")] as const;
  });
  return new Map([...(await Promise.all(own)), ...shared]);
}

describe("the page docs/cli.md", () => {
  it("shows every command's help, and once what commands share (UPDATE_DOCS=1 updates it)", async () => {
    const names = ["agent-heartbeat", ...namesOf(program)];
    const expected = await helps(names);
    let page = await readFile(PAGE, "utf8");
    if (process.env.UPDATE_DOCS) {
      page = page.replace(
        BLOCK,
        (_, name) => `<!-- help: ${name} -->\n\`\`\`text\n${expected.get(name) ?? ""}\n\`\`\``,
      );
      await writeFile(PAGE, page);
    }
    const shown = new Map(
      [...page.matchAll(BLOCK)].map(([, name = "", help = ""]) => [name, help]),
    );
    expect([...shown.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [name, help] of shown) expect(help).toBe(expected.get(name));
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
