/** How what happened to an agent is shown: a line for a person, an object for a program. */

import type { TransitionEvent, TransitionRecord } from "@agent-heartbeat/sdk/status";
import { moment } from "../terminal/durations";
import { printable, printableJson } from "../terminal/printable";
import type { Printer } from "../terminal/printer";
import { paintEvent } from "./past";

/** What happened. */
export interface ShownEvent {
  at: number;
  agentId: string;
  event: TransitionEvent;
  reason: TransitionRecord["reason"];
}

export function printEvent({ at, agentId, event, reason }: ShownEvent, printer: Printer): void {
  const line = printer.json
    ? printableJson({ at, agentId, event, reason })
    : [
        moment(at),
        printable(agentId),
        paintEvent(event, event, printer),
        printable(`(${reason})`),
      ].join("  ");
  printer.lines(line);
}
