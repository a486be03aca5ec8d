/** What an agent's last transitions say of it, in words. */

import type { TransitionEvent, TransitionRecord } from "@agent-heartbeat/sdk/status";
import { countsOf } from "../diagnosis/counts";
import { ago, moment } from "../terminal/durations";
import type { Printer } from "../terminal/printer";
import { table } from "../terminal/table";

const DAY_MS = 86_400_000;

/** An agent that is lost more often in a day has a fault that lasts. */
const FLAPPING = 5;

/** Transitions that are shown. */
const SHOWN = 5;

export interface Past {
  explanation: string[];
  advice: string[];
}

/** How often the agent went away within a day, and whether that is too often. */
export function pastOf(history: readonly TransitionRecord[], now: number): Past {
  const losses = history.filter(({ event, at }) => event === "offline" && at > now - DAY_MS);
  if (losses.length === 0) return { explanation: [], advice: [] };
  const counts = countsOf(losses.map(({ reason }) => reason));
  const reasons = [...counts].map(([reason, count]) => `${reason} ${count}x`).join(", ");
  const times = losses.length === 1 ? "once" : `${losses.length} times`;
  const lost = losses.filter(({ reason }) => reason !== "client_closed" && reason !== "drained");
  return {
    explanation: [`Within the last 24 hours it went offline ${times} (${reasons}).`],
    advice:
      lost.length > FLAPPING
        ? ["It is flapping: check for an unstable network, or a process that keeps restarting."]
        : [],
  };
}

/** A table of the last few transitions, newest first. */
export function pastLines(
  history: readonly TransitionRecord[],
  now: number,
  printer: Printer,
): string[] {
  if (history.length === 0) return [];
  const { dim } = printer.colours;
  const columns = [
    { title: "LAST TRANSITIONS", text: ({ at }: TransitionRecord) => moment(at) },
    { title: "", text: ({ at }: TransitionRecord) => ago(at, now) },
    {
      title: "",
      text: ({ event }: TransitionRecord) => event,
      paint: (text: string, { event }: TransitionRecord) => paintEvent(text, event, printer),
    },
    {
      title: "",
      text: ({ reason }: TransitionRecord) => reason,
      paint: (text: string) => dim(text),
    },
  ];
  return table(history.slice(0, SHOWN), columns, printer.colours);
}

/** Colours a text by its event. */
export function paintEvent(text: string, event: TransitionEvent, { colours }: Printer): string {
  if (event === "offline") return colours.red(text);
  if (event === "draining") return colours.blue(text);
  return event === "stalled" ? colours.yellow(text) : colours.green(text);
}
