/** `npm run bench [name...]`: runs all or the named benchmarks, and writes the report. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readReport, renderPage, writeReport } from "./report";
import type { Section } from "./section";
import { SECTIONS } from "./sections";

const DIRECTORY = import.meta.dirname;
const PAGE = join(DIRECTORY, "../../docs/benchmarks.md");

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      render: { type: "boolean", default: false },
    },
  });
  const sections = values.render ? [] : chosen(positionals);
  for (const section of sections) {
    console.log(`\n${section.title}`);
    const progress = (line: string) => console.log(`  ${line}`);
    const figures = await section.measure({ quick: values.quick, progress });
    console.log(`\n${section.markdown(figures)}\n`);
    for (const { goal, found, met } of section.goals(figures)) {
      console.log(`${met ? "met" : "NOT MET"}: ${goal}: ${found}`);
    }
    if (values.quick) guard(section, figures);
    else writeReport(DIRECTORY, section, figures);
  }
  if (values.quick) return;
  writeFileSync(
    PAGE,
    renderPage(SECTIONS, (section) => readReport(DIRECTORY, section)),
  );
  console.log(`\nwritten: ${PAGE}`);
}

/** Fails the run if exact figures differ from the report. */
function guard(section: Section, figures: unknown): void {
  const reported = readReport(DIRECTORY, section);
  const changes = reported ? (section.changes?.(figures, reported.figures) ?? []) : [];
  if (changes.length === 0) return;
  for (const change of changes) console.error(`CHANGED: ${change}`);
  console.error(`If that is intended, update the report: npm run bench -- ${section.name}`);
  process.exitCode = 1;
}

/** @throws Error listing the known benchmarks, if a name is unknown */
function chosen(names: readonly string[]): readonly Section[] {
  if (names.length === 0) return SECTIONS;
  return names.map((name) => {
    const section = SECTIONS.find((one) => one.name === name);
    if (section) return section;
    const known = SECTIONS.map((one) => one.name).join(", ");
    throw new Error(`expected one of ${known}, got ${name}`);
  });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
