/** The report: each benchmark's figures in a JSON file, and one page generated from all of them. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { type Goal, type Section, table } from "./section";

/** The content of a benchmark's `report.json`. */
export interface Report<Figures = unknown> {
  measuredAt: string;
  machine: string;
  versions: Record<string, string>;
  figures: Figures;
}

const fileOf = (directory: string, { name }: Section) => join(directory, name, "report.json");

/** Undefined before a benchmark's first run. */
export function readReport(directory: string, section: Section): Report | undefined {
  const file = fileOf(directory, section);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Report) : undefined;
}

export function writeReport(directory: string, section: Section, figures: unknown): void {
  const report: Report = { ...environment(directory), figures };
  writeFileSync(fileOf(directory, section), `${JSON.stringify(report, null, 2)}\n`);
}

function environment(directory: string): Omit<Report, "figures"> {
  const modules = join(directory, "../../node_modules");
  const version = (name: string) =>
    JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8")).version as string;
  const [cpu] = cpus();
  return {
    measuredAt: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores (${cpu?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform} ${process.arch}`,
    versions: {
      "Node.js": process.version,
      "@aws-sdk/client-dynamodb": version("@aws-sdk/client-dynamodb"),
      esbuild: version("esbuild"),
      dynoxide: version("@dynoxide/linux-x64"),
    },
  };
}

const CAPTION =
  "All figures are measured by `npm run bench`, which generates this page. Billing units are exact. Everything else is " +
  "a ratio within one run, or states the machine it was measured on.";

/** Renders the page with all measured sections. */
export function renderPage(
  sections: readonly Section[],
  reportOf: (section: Section) => Report | undefined,
): string {
  const goals: Goal[] = [];
  const parts: string[] = [];
  for (const section of sections) {
    const report = reportOf(section);
    if (!report) continue;
    goals.push(...section.goals(report.figures));
    const versions = Object.entries(report.versions).map((pair) => pair.join(" "));
    parts.push(
      `## ${section.title}`,
      section.markdown(report.figures),
      `*${report.measuredAt}, ${report.machine}; ${versions.join(", ")}.*`,
    );
  }
  const results = goals.map(({ goal, found, met, why }) => [
    goal,
    found,
    met ? "met" : `**not met**: ${why ?? "no reason given yet"}`,
  ]);
  const summary = ["## Goals", table(["goal", "measured", "result"], results)];
  return `${["# Benchmarks", CAPTION, ...summary, ...parts].join("\n\n")}\n`;
}
