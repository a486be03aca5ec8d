/** Desktop notifications about lost agents, off by default. */

import { useCallback, useEffect } from "react";
import type { FleetEvent } from "../fleet/event-log";
import type { FleetStore } from "../fleet/fleet-store";
import { isLoss, reasonText } from "../fleet/health";
import { usePreference } from "./preference";

/** Losses within this time share one notification, in milliseconds. */
const BATCH_MS = 3000;

export interface Notifications {
  /** Whether the browser supports notifications and the user has not blocked them. */
  available: boolean;
  enabled: boolean;
  setEnabled(enabled: boolean): void;
}

export function useNotifications(store: FleetStore, organizationId: string): Notifications {
  const [chosen, setChosen] = usePreference("notifications", false);
  const available = typeof Notification !== "undefined" && Notification.permission !== "denied";
  const on = chosen && available;
  useEffect(() => {
    if (!on) return;
    let batch: FleetEvent[] = [];
    let timer: number | undefined;
    const notify = () => {
      timer = undefined;
      const { title, body } = notificationOf(batch);
      batch = [];
      // The tag makes it replace the previous one.
      new Notification(title, { body, tag: `agent-heartbeat-${organizationId}` });
    };
    const stop = store.onEvent((event) => {
      if (event.event !== "offline" || !isLoss(event.reason)) return;
      batch.push(event);
      timer ??= window.setTimeout(notify, BATCH_MS);
    });
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [on, store, organizationId]);
  const setEnabled = useCallback(
    (next: boolean) => {
      if (!next) return setChosen(false);
      void Notification.requestPermission().then((answer) => setChosen(answer === "granted"));
    },
    [setChosen],
  );
  return { available, enabled: on, setEnabled };
}

/** Title and body of the notification for one batch of losses. */
function notificationOf(losses: readonly FleetEvent[]): { title: string; body: string } {
  const [first, ...others] = losses;
  if (!first) return { title: "No agent was lost", body: "" };
  if (others.length === 0) {
    return { title: `${first.agentId} is offline`, body: reasonText(first.reason) };
  }
  const names = losses.map(({ agentId }) => agentId);
  const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
  return {
    title: `${names.length} agents are offline`,
    body: `${names.slice(0, 5).join(", ")}${more}`,
  };
}
