/** Checks that the recorded AWS calls, with which policies are tested, are still the calls of the functions. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { type Bundle, bundles } from "../../testing/bundles";
import CALLS from "./fixtures/aws-calls.json";

const ROOT = join(__dirname, "../..");

/** Functions that the local runtime does not call. The matrix lists their calls. */
const NOT_RECORDED = ["upload-page"];

const CONNECTIONS = "execute-api:ManageConnections";
const ACTIONS: Readonly<Record<string, string | string[]>> = {
  DeleteConnection: CONNECTIONS,
  GetConnection: CONNECTIONS,
  PostToConnection: CONNECTIONS,
  PutEvents: "events:PutEvents",
  // There is no permission for transactions.
  TransactWriteItems: ["dynamodb:PutItem", "dynamodb:UpdateItem"],
};

/** The actions of the commands in a function's own code. Shared files may contain commands that the function does not use. */
function commandsOf({ own }: Bundle): Set<string> {
  const sources = own.map((file) => readFileSync(join(ROOT, file), "utf8"));
  const commands = sources.flatMap((source) =>
    [...source.matchAll(/new (\w+)Command\(/g)].map(([, name = ""]) => name),
  );
  return new Set(commands.flatMap((name) => ACTIONS[name] ?? `dynamodb:${name}`));
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
