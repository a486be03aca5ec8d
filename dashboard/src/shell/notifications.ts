/** Desktop notifications of lost agents, for whoever asked for them. */

import { useCallback, useEffect } from "react";
import type { FleetEvent } from "../fleet/event-log";
import type { FleetStore } from "../fleet/fleet-store";
import { isLoss, reasonText } from "../fleet/health";
import { usePreference } from "./preference";

/** Losses within this time are told together, in milliseconds. */
const GATHER_MS = 3000;

export interface Notifications {
  /** Whether the browser has any, and has not been told to refuse. */
  possible: boolean;
  wanted: boolean;
  want(wanted: boolean): void;
}

export function useNotifications(store: FleetStore, organizationId: string): Notifications {
  const [wanted, setWanted] = usePreference("notifications", false);
  const possible = typeof Notification !== "undefined" && Notification.permission !== "denied";
  const on = wanted && possible;
  useEffect(() => {
    if (!on) return;
    let gathered: FleetEvent[] = [];
    let timer: number | undefined;
    const tell = () => {
      timer = undefined;
      const { title, body } = notificationOf(gathered);
      gathered = [];
      // One that replaces the one before: a screen full of them helps nobody.
      new Notification(title, { body, tag: `agent-heartbeat-${organizationId}` });
    };
    const stop = store.onEvent((event) => {
      if (event.event !== "offline" || !isLoss(event.reason)) return;
      gathered.push(event);
      timer ??= window.setTimeout(tell, GATHER_MS);
    });
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [on, store, organizationId]);
  const want = useCallback(
    (next: boolean) => {
      if (!next) return setWanted(false);
      void Notification.requestPermission().then((answer) => setWanted(answer === "granted"));
    },
    [setWanted],
  );
  return { possible, wanted: on, want };
}

/** What a notification says of agents that were lost. */
function notificationOf(losses: readonly FleetEvent[]): { title: string; body: string } {
  const [first, ...others] = losses;
  if (!first) return { title: "No agent is lost", body: "" };
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
