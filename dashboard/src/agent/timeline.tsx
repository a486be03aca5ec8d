/** The list of one agent's transitions, newest first. */

import type { TransitionEvent } from "@agent-heartbeat/sdk/protocol";
import Box from "@cloudscape-design/components/box";
import Spinner from "@cloudscape-design/components/spinner";
import Steps, { type StepsProps } from "@cloudscape-design/components/steps";
import { isLoss, reasonText } from "../fleet/health";
import type { History, PastTransition } from "../fleet/history-cache";
import { spanText, timeText } from "../text/duration";
import { Ticking } from "../time/ticker";

export const EVENT_NAMES: Record<TransitionEvent, string> = {
  online: "Came online",
  offline: "Went offline",
  stalled: "Stalled",
  recovered: "Recovered",
  draining: "Began to drain",
};

/** The indicator for an event, used in the timeline and in the list of events. */
export function eventStatus({ event, reason }: Pick<PastTransition, "event" | "reason">) {
  if (event === "stalled") return "warning" as const;
  if (event === "draining") return "in-progress" as const;
  if (event !== "offline") return "success" as const;
  return isLoss(reason) ? ("error" as const) : ("stopped" as const);
}

export function Timeline({ history }: { history: History | undefined }) {
  if (!history || history.state === "loading") return <Spinner />;
  if (history.state === "failed") {
    return <Box color="text-status-error">Could not load the history: {history.problem}</Box>;
  }
  if (history.transitions.length === 0) return <Box>No transitions yet.</Box>;
  return <Steps ariaLabel="Transitions, newest first" steps={stepsOf(history.transitions)} />;
}

function stepsOf(transitions: readonly PastTransition[]): StepsProps.Step[] {
  return transitions.map((transition, index) => {
    const { event, reason, at } = transition;
    const next = transitions[index - 1];
    return {
      status: eventStatus(transition),
      statusIconAriaLabel: event,
      header: `${EVENT_NAMES[event]}: ${reasonText(reason)}`,
      details: (
        <Ticking
          text={(now) =>
            `${timeText(at, now)}, for ${spanText((next?.at ?? now) - at)}${next ? "" : " until now"}`
          }
        />
      ),
    };
  });
}
