/** Whether the recorded calls of AWS, by which policies are judged, are still those that the functions can make. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { type Bundle, bundles } from "../../testing/bundles";
import CALLS from "./fixtures/aws-calls.json";

const ROOT = join(__dirname, "../..");

/** Functions that no local runtime calls, whose calls the matrix names one by one. */
const NOT_RECORDED = ["upload-page"];

const CONNECTIONS = "execute-api:ManageConnections";
const ACTIONS: Readonly<Record<string, string>> = {
  DeleteConnection: CONNECTIONS,
  GetConnection: CONNECTIONS,
  PostToConnection: CONNECTIONS,
  PutEvents: "events:PutEvents",
};

/** The actions of the commands that a function's own code makes; a file that it shares may make more than it needs. */
function commandsOf({ own }: Bundle): Set<string> {
  const sources = own.map((file) => readFileSync(join(ROOT, file), "utf8"));
  const commands = sources.flatMap((source) =>
    [...source.matchAll(/new (\w+)Command\(/g)].map(([, name = ""]) => name),
  );
  return new Set(commands.map((name) => ACTIONS[name] ?? `dynamodb:${name}`));
}

const recorded = (entry: string) =>
  new Set(CALLS.filter(({ caller }) => caller === entry).map(({ action }) => action));

describe("the recorded AWS calls", () => {
  const all = bundles().filter(({ entry }) => !NOT_RECORDED.includes(entry));

  it.each(all)("of $entry are all in its bundle", (bundle) => {
    const { entry } = bundle;
    const commands = commandsOf(bundle);
    expect([...recorded(entry)].filter((action) => !commands.has(action))).toEqual([]);
  });

  it("cover every command in any function's bundle (npm run aws-calls)", () => {
    const commands = new Set(all.flatMap((bundle) => [...commandsOf(bundle)]));
    const seen = new Set(CALLS.map(({ action }) => action));
    expect([...commands].filter((action) => !seen.has(action)).sort()).toEqual([]);
  });
});
