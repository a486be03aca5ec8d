/** Parses the steps of a document: the commands to run, the files to save, and the expected output. */

export type Step =
  /** A block of commands, and the lines of their output in the document. */
  | { do: "run"; commands: string[]; promised: string[] }
  | { do: "save"; file: string; text: string }
  /** The following commands run in another terminal. */
  | { do: "open" }
  /** Ctrl-C in the first terminal. */
  | { do: "interrupt" };

const BLOCK = /^```(\w*)\n([\s\S]*?)^```$/gm;
const SAVE = /Save this as `([^`]+)`/;

/**
 * The steps up to a heading.
 *
 * @param until the heading's text
 * @throws Error if there is no such heading, or an output without commands before it
 */
export function stepsOf(document: string, until: string): Step[] {
  const end = document.indexOf(`\n## ${until}\n`);
  if (end < 0) throw new Error(`expected a heading "${until}", got none`);
  const text = document.slice(0, end);
  const steps: Step[] = [];
  let read = 0;
  for (const block of text.matchAll(BLOCK)) {
    const prose = text.slice(read, block.index);
    read = block.index + block[0].length;
    const [, language, content = ""] = block;
    const lines = content.trimEnd().split("\n");
    if (/\banother terminal\b/.test(prose)) steps.push({ do: "open" });
    if (/\bCtrl-C\b/.test(prose)) steps.push({ do: "interrupt" });
    const [, file] = SAVE.exec(prose) ?? [];
    if (language === "sh") steps.push({ do: "run", commands: lines, promised: [] });
    else if (language === "text") {
      const before = steps.at(-1);
      if (before?.do !== "run") throw new Error(`expected commands before "${lines[0]}", got none`);
      before.promised.push(...lines);
    } else if (file !== undefined) steps.push({ do: "save", file, text: content });
  }
  return steps;
}

/** A duration in an output. */
const DURATION = /(?<![\w.:-])\d+(?::\d\d)+(?![\w.:])|(?<![\w.:-])\d+ (?:ms|s|min|h|d)\b/g;

/**
 * The first of the expected lines that is missing in an output, in order; undefined if there is none. Any white space matches
 * any other, because the layout of tables and paragraphs varies. `…` matches anything, and a duration matches any duration.
 */
export function missingIn(output: string, promised: readonly string[]): string | undefined {
  let rest = oneSpaced(output);
  for (const line of promised) {
    const found = patternOf(line).exec(rest);
    if (!found) return line;
    rest = rest.slice(found.index + found[0].length);
  }
  return undefined;
}

function patternOf(line: string): RegExp {
  const parts = oneSpaced(line)
    .split(DURATION)
    .map((part) => part.split("…").map(escaped).join(".*?"));
  return new RegExp(parts.join("(?:\\d+(?::\\d\\d)+|\\d+ (?:ms|s|min|h|d))"));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const oneSpaced = (text: string) => text.replace(/\u001b\[[\d;]*m/g, "").replace(/\s+/g, " ");

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
