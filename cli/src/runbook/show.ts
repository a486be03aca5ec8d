/** Prints the runbook at a terminal. */

import type { Io } from "../io";
import type { TargetOptions } from "../options/target-options";
import { printable } from "../terminal/printable";
import type { Printer } from "../terminal/printer";
import { PLACEHOLDER, type Section } from "./page";

export type RunbookOptions = Pick<TargetOptions, "stack" | "construct" | "region" | "profile">;

/** Prints every alarm in a line. */
export function list(sections: readonly Section[], printer: Printer): void {
  if (printer.json) {
    printer.value(sections.map(({ text: _, ...section }) => section));
    return;
  }
  printer.table(sections, [
    { title: "ALARM", text: ({ alarm }) => alarm },
    { title: "SEVERITY", text: ({ severity }) => severity },
    { title: "MEANING", text: ({ meaning }) => meaning, cut: "end" },
  ]);
}

/** Prints a section, with the names of a stack's resources if one is given. */
export async function show(
  { alarm, severity, meaning, text }: Section,
  options: RunbookOptions,
  printer: Printer,
  io: Io,
): Promise<void> {
  const { stack, construct, region, profile } = options;
  let filled = text;
  if (stack !== undefined) {
    const { deployedNames } = await import("./names");
    const config = { ...(region && { region }), ...(profile && { profile }) };
    const nameOf = await deployedNames(stack, construct, config, io);
    filled = text.replace(PLACEHOLDER, (placeholder, words) => nameOf(words) ?? placeholder);
  }
  if (printer.json) return printer.value({ alarm, severity, meaning, text: filled });
  const environment = [
    ...(region ? [`export AWS_REGION=${region}`] : []),
    ...(profile ? [`export AWS_PROFILE=${profile}`] : []),
  ];
  printer.lines(
    printer.colours.bold(alarm),
    "",
    ...environment.map((line) => `    ${line}`),
    ...(environment.length > 0 ? [""] : []),
    ...linesOf(filled, printer).map(printable),
  );
  const open = new Set(filled.match(PLACEHOLDER));
  if (open.size === 0) return;
  const hint = stack === undefined ? "Add --stack <name> to fill in its names. " : "";
  printer.lines("", printer.colours.dim(`${hint}Replace ${[...open].join(", ")}.`));
}

/** Markdown as it is read at a terminal: commands are indented, so that they are seen and copied as a whole. */
function linesOf(text: string, { colours }: Printer): string[] {
  let inCode = false;
  return text.split("\n").flatMap((line) => {
    if (line.startsWith("```")) {
      inCode = !inCode;
      return [];
    }
    if (inCode) return [colours.cyan(`    ${line}`)];
    return [
      line
        .replace(/\[([^\]]+)\]\(#\w+\)/g, "$1")
        .replace(/\[([^\]]+)\]\((https:[^)]+)\)/g, "$1 ($2)")
        .replace(/\[([^\]]+)\]\([^)]+\)/g, "$1 in the documentation")
        .replace(/\*\*([^*]+)\*\*/g, (_, words) => colours.bold(words))
        .replace(/(?<![\w*])\*([^*]+)\*(?![\w*])/g, "$1"),
    ];
  });
}
