/** The report section on what one client can do to others, and at whose cost. */

import { type Section, table } from "../section";
import type { Attempt } from "./attempt";
import { attempts } from "./attempts";

export const isolation: Section<Attempt[]> = {
  name: "isolation",
  title: "What one client can do to others",
  measure: attempts,

  markdown: (figures) =>
    [
      "What a client with a valid key may try, and the result, as counted by the functions' own code on the embedded engine, or " +
        "by the engine. These figures are exact. A [fault test](faults.md#a-hostile-client) does all of it at once.",
      table(
        ["attempt", "result"],
        figures.map(({ attempt, found }) => [attempt, found]),
      ),
    ].join("\n\n"),

  changes: (figures, reported) =>
    figures.flatMap(({ attempt, found }) => {
      const before = reported.find((one) => one.attempt === attempt)?.found ?? "not tried";
      return found === before ? [] : [`${attempt}: ${before} in the report, now ${found}`];
    }),

  goals: (figures) =>
    figures.map(({ attempt, goal, found, met }) => ({ goal: `${attempt}: ${goal}`, found, met })),
};
