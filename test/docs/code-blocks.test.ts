/** Every block of TypeScript in the documents compiles, against the packages as their users see them. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "@jest/globals";
import ts from "typescript";

const ROOT = join(__dirname, "..", "..");
/** A block, and before it what a reader takes for given: `<!-- given: declare const agent: HeartbeatAgent; -->`. */
const BLOCK = /^(?:<!-- given:([\s\S]*?)-->\n\n?)?```ts\n([\s\S]*?)^```/gm;

function documents(): string[] {
  const inDocs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md") && !/^(api|\.vitepress)\//.test(name))
    .map((name) => join(ROOT, "docs", name));
  return [
    join(ROOT, "README.md"),
    join(ROOT, "sdk", "README.md"),
    join(ROOT, "lib", "README.md"),
    ...inDocs,
  ];
}

/** The blocks as modules of their own, beside the README: that is where their relative imports start. */
function blocks(): Map<string, { source: string; text: string }> {
  const found = new Map<string, { source: string; text: string }>();
  for (const file of documents()) {
    for (const [index, [, given = "", code = ""]] of [
      ...readFileSync(file, "utf8").matchAll(BLOCK),
    ].entries()) {
      const source = `${relative(ROOT, file)}, block ${index + 1}`;
      const name = join(ROOT, `block-${found.size}.ts`);
      found.set(name, { source, text: `${given}\n${code}\nexport {};\n` });
    }
  }
  return found;
}

function complaintsOf(modules: Map<string, { source: string; text: string }>): string[] {
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT);
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => modules.has(name) || fileExists(name);
  host.readFile = (name) => modules.get(name)?.text ?? readFile(name);
  host.getSourceFile = (name, language) => {
    const block = modules.get(name);
    return block ? ts.createSourceFile(name, block.text, language) : getSourceFile(name, language);
  };
  const program = ts.createProgram([...modules.keys()], options, host);
  return [...modules.keys()].flatMap((name) => {
    const file = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ messageText }) =>
        `${modules.get(name)?.source}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    );
  });
}

describe("the code in the documents", () => {
  it("compiles, and a block beside it that does not is found", () => {
    const text = 'import { HeartbeatAgent } from "@agent-heartbeat/sdk";\nnew HeartbeatAgent(1);\n';
    const wrong = { source: "the wrong one", text };
    const modules = blocks().set(join(ROOT, "block-wrong.ts"), wrong);
    expect(modules.size).toBeGreaterThan(8);
    expect(complaintsOf(modules)).toEqual([
      expect.stringContaining("the wrong one: Argument of type"),
    ]);
  });
});

/** The anchors of a document's headings, as GitHub and the site make them. */
function anchorsOf(file: string): Set<string> {
  const text = readFileSync(file, "utf8").replace(/^```[\s\S]*?^```/gm, "");
  return new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => slugOf(heading)));
}

const slugOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, "")
    .replaceAll(" ", "-");

describe("the links in the documents", () => {
  it("lead to files that are there", () => {
    const broken = documents().flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .map(([, target = ""]) => target)
        .filter((target) => !ts.sys.fileExists(join(file, "..", target)))
        .filter((target) => !ts.sys.directoryExists(join(file, "..", target)))
        .map((target) => `${relative(ROOT, file)}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it("lead to headings that are there", () => {
    const broken = documents().flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)]
        .filter(([, target = "", anchor = ""]) => {
          const led = target === "" ? file : join(file, "..", target);
          return !anchorsOf(led).has(anchor);
        })
        .map(([link]) => `${relative(ROOT, file)}: ${link}`),
    );
    expect(broken).toEqual([]);
  });
});
