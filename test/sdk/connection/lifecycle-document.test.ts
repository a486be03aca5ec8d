import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { TRANSITIONS } from "../../../sdk/src/connection/state";
import { resolveOptions } from "../../../sdk/src/options";

const text = readFileSync(join(__dirname, "../../../docs/client-lifecycle.md"), "utf8");

describe("docs/client-lifecycle.md", () => {
  it("draws the state machine that runs", () => {
    const drawn = [...text.matchAll(/^ {2}(\w+) --> (\w+):/gm)].map(
      ([, from, to]) => `${from} ${to}`,
    );
    const real = Object.entries(TRANSITIONS).flatMap(([from, all]) =>
      all.map((to) => `${from} ${to}`),
    );
    expect(drawn.toSorted()).toEqual(real.toSorted());
  });

  it("explains every state", () => {
    const told = [...text.matchAll(/^\| `(\w+)` \| [^|]+ \|$/gm)].map(([, state]) => state);
    expect(told).toEqual(Object.keys(TRANSITIONS));
  });

  it("has the schedules that apply", () => {
    const rows = [...text.matchAll(/^\| `(\w+)` \| [^|]+ \| (\d+) s \| (\d+) s \|$/gm)];
    const told = rows.map(([, kind, base, max]) => [
      kind,
      { baseMs: Number(base) * 1000, maxMs: Number(max) * 1000 },
    ]);
    const options = { agentId: "agent-1", organizationId: "acme", url: "wss://gateway.test/prod" };
    expect(Object.fromEntries(told)).toEqual(
      resolveOptions(options, "heartbeat").managerOptions.schedules.builtIn,
    );
  });
});
