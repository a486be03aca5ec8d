/** How what happened to an agent is shown: a line for a person, an object for a program. */

import type { TransitionEvent, TransitionRecord } from "@agent-heartbeat/sdk/status";
import { moment } from "./durations";
import { paintEvent } from "./past";
import { printable, printableJson } from "./printable";
import type { Printer } from "./printer";

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
