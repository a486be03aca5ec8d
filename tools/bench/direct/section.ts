/** Heartbeats without a function on the local runtime, as a section of the report. */

import { type Section, spreadText, table } from "../section";
import { type DirectFigures, measureDirect } from "./measure";

export const direct: Section<DirectFigures> = {
  name: "direct",
  title: "Heartbeats without a function",
  measure: measureDirect,

  markdown: ({ connections, outstanding, ratio, ...modes }) =>
    [
      `On the local runtime, ${outstanding} heartbeats waiting for their ack at any moment, over ${connections} connections: ` +
        "answered by the function, and by the templates of [the direct integration](direct-heartbeats.md). What the local " +
        "runtime saves is its own work, not AWS's: what is billed for each is above.",
      table(
        ["answered by", "a second", "p50", "p99"],
        (["lambda", "direct"] as const).map((mode) => {
          const { perSecond, p50Ms, p99Ms } = modes[mode];
          return [
            mode,
            spreadText(perSecond, 0),
            `${spreadText(p50Ms, 0)} ms`,
            `${spreadText(p99Ms, 0)} ms`,
          ];
        }),
      ),
      `Direct to lambda: ${spreadText(ratio)}.`,
    ].join("\n\n"),

  goals: () => [],
};
