/** `npm run event-ruler`: records in a fixture which cases AWS's event-ruler matches. Needs Java and Maven. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cases } from "./cases";

const FIXTURE = join(__dirname, "../../test/lib/fixtures/event-ruler.json");

/** @throws Error with the program's output, if it fails */
function run(program: string, args: string[], input?: string): string {
  const options = { encoding: "utf8", ...(input !== undefined && { input }) } as const;
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  if (status === 0) return stdout;
  throw new Error(`${program} failed: ${error?.message ?? stderr}`);
}

const directory = mkdtempSync(join(tmpdir(), "event-ruler-"));
try {
  const pom = join(__dirname, "pom.xml");
  const goal = "dependency:copy-dependencies";
  run("mvn", ["-q", "-B", "-f", pom, goal, `-DoutputDirectory=${directory}`]);
  const judged = cases();
  const input = judged.map((pair) => JSON.stringify(pair)).join("\n");
  const judge = join(__dirname, "Judge.java");
  const answers = run("java", ["-cp", join(directory, "*"), judge], input)
    .trim()
    .split("\n");
  const lines = judged.map((pair, index) =>
    JSON.stringify({ ...pair, matches: answers[index] === "true" }),
  );
  writeFileSync(FIXTURE, `[\n${lines.join(",\n")}\n]\n`);
  console.log(
    `${judged.length} cases, of which ${answers.filter((a) => a === "true").length} match`,
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}
