/** The program that follows the README: how it parses a document and compares outputs. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { until } from "../../testing/e2e/until";
import { missingIn, stepsOf } from "../../tools/readme/steps";
import { Terminal } from "../../tools/readme/terminal";

const README = readFileSync(join(__dirname, "../../README.md"), "utf8");

describe("the steps of the README", () => {
  const steps = stepsOf(README, "What it promises");

  it("start the service, and run the tests after it has ended", () => {
    expect(steps[0]).toMatchObject({ commands: ["npm ci && npm start"] });
    expect(steps.at(-1)).toMatchObject({ commands: ["npm ci && npm test"] });
    expect(steps.at(-2)).toEqual({ do: "interrupt" });
  });

  it("save the worker before it is started, and expect each command's output", () => {
    const kinds = steps.map((step) => (step.do === "save" ? step.file : step.do));
    expect(kinds).toEqual([
      "run",
      "open",
      "run",
      "worker.mjs",
      "run",
      "run",
      "run",
      "interrupt",
      "run",
    ]);
    const promises = steps.flatMap((step) =>
      step.do === "run" && / status /.test(step.commands.join()) ? [step.promised.length] : [],
    );
    expect(promises).toEqual([3, 2]);
  });

  it("are refused if an output has no commands before it", () => {
    expect(() => stepsOf("```text\nready\n```\n## End\n", "End")).toThrow('before "ready"');
    expect(() => stepsOf("", "End")).toThrow('expected a heading "End"');
  });
});

describe("an expected output", () => {
  const output =
    "AGENT     STATUS\nworker-1  ● online  1:05  2 s ago\nworker-2  ○ offline\n1 online\n";

  it.each([
    [["worker-1 ● online 2 s 14 s ago"]],
    [["worker-1 … ago", "1 online"]],
    [["● online … worker-2 ○ offline 1 online"]],
  ])("matches %j", (promised) => {
    expect(missingIn(output, promised)).toBeUndefined();
  });

  it.each([
    [["worker-3 ● online"], "worker-3 ● online"],
    [["1 online", "worker-1"], "worker-1"],
    [["worker-1 ● online … idle"], "worker-1 ● online … idle"],
    [["2 online"], "2 online"],
  ])("does not match %j", (promised, missing) => {
    expect(missingIn(output, promised)).toBe(missing);
  });
});

describe("a terminal", () => {
  let terminal: Terminal;
  afterEach(() => terminal.close(1000));

  const ended = async (commands: string[]) => {
    const block = terminal.type(commands);
    while (block.status() === undefined) await terminal.news(1000);
    return { status: block.status(), output: block.output() };
  };

  it("keeps a command's state for the next one, and stops at a failure", async () => {
    terminal = new Terminal(__dirname, process.env, () => undefined);
    expect(await ended(["a=1"])).toEqual({ status: 0, output: "" });
    expect(await ended(["echo $a", "false", "echo never"])).toEqual({ status: 1, output: "1\n" });
  });

  it("continues while a command runs in the background, and kills it at the end", async () => {
    terminal = new Terminal(__dirname, process.env, () => undefined);
    const { output } = await ended(["sleep 1000 &", "echo $!"]);
    await terminal.close(1000);
    await until(async () => !runs(Number(output)) || undefined);
  });

  it("is interrupted together with its commands", async () => {
    terminal = new Terminal(__dirname, process.env, () => undefined);
    const block = terminal.type(["echo begun; sleep 1000; echo never"]);
    while (!block.output().includes("begun")) await terminal.news(1000);
    terminal.interrupt();
    while (!terminal.hasEnded && block.status() === undefined) await terminal.news(1000);
    expect(block.output()).not.toContain("never");
  });
});

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
