/** What a check found out, and how it is printed. */

import { CliError, EXIT } from "../failure";
import { printable } from "./printable";
import type { Printer } from "./printer";

export interface Finding {
  check: string;
  state: "ok" | "warning" | "failed";
  /** What was found. */
  finding: string;
  /** What to do about it. */
  fix?: string;
}

/**
 * Prints findings, each with what to do about it.
 *
 * @throws CliError if one is a failure
 */
export function printFindings(found: Finding[], printer: Printer): void {
  if (printer.json) printer.value(found);
  else printer.lines(...found.flatMap((finding) => linesOf(finding, printer)));
  const failures = found.filter(({ state }) => state === "failed").length;
  if (failures === 0) return;
  throw new CliError(`${failures} of ${found.length} checks failed.`, EXIT.failure);
}

function linesOf({ check, state, finding, fix }: Finding, { colours }: Printer): string[] {
  const sign = {
    ok: colours.green("✓"),
    warning: colours.yellow("!"),
    failed: colours.red("✗"),
  }[state];
  return [
    `${sign} ${colours.bold(check)}: ${printable(finding)}`,
    ...(fix ? [`  → ${printable(fix)}`] : []),
  ];
}
