/** What must not be overlooked: that the page is blind, or the service, that its sign-in ends, that many are lost. */

import Button from "@cloudscape-design/components/button";
import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";
import { useFleet, useStore } from "../fleet/context";
import { type FleetSnapshot, isBlind } from "../fleet/fleet-store";
import { countdownText, spanText, timeText } from "../text/duration";
import { Ticking, useNow } from "../time/ticker";
import { HREFS } from "./route";

/** From when on the end of the sign-in is announced, in milliseconds. */
export const ANNOUNCED_MS = 15 * 60_000;

export const RENEWAL = "agent-heartbeat dashboard";

export function Banners({ expiresAt }: { expiresAt: number }) {
  const fleet = useFleet();
  const { dismissLoss } = useStore();
  const minute = useNow(10_000);
  const items = [
    blindness(fleet),
    suspicion(fleet),
    expiry(expiresAt, minute),
    loss(fleet, dismissLoss),
  ].filter((item) => item !== null);
  return <Flashbar items={items} />;
}

function blindness(fleet: FleetSnapshot): FlashbarProps.MessageDefinition | null {
  const { state, loaded, lastUpdateAt, failure } = fleet;
  const opening = state === "connecting" && !loaded && !failure;
  if (!isBlind(fleet) || opening) return null;
  return {
    id: "blind",
    type: "error",
    ariaRole: "alert",
    header: "Not connected: nobody knows how the agents are now",
    content: (
      <>
        <Ticking
          text={(now) =>
            lastUpdateAt === null
              ? "Nothing has been heard of them yet."
              : `What is shown is as of ${timeText(lastUpdateAt, now)}, ${spanText(now - lastUpdateAt)} ago.`
          }
        />{" "}
        {state === "stopped" ? `Open the page anew with ${RENEWAL}.` : "The page goes on trying."}
        {failure && ` Last failure: ${failure.message}.`}
      </>
    ),
  };
}

function suspicion(fleet: FleetSnapshot): FlashbarProps.MessageDefinition | null {
  const { massExpiry } = fleet;
  if (!massExpiry || isBlind(fleet)) return null;
  const { suspectedAt, heldUntil } = massExpiry;
  return {
    id: "suspicion",
    type: "warning",
    ariaRole: "alert",
    header: "Very many agents fell silent at once: the service may not hear them",
    content: (
      <>
        Since <Ticking text={(now) => timeText(suspectedAt, now)} /> no heartbeats have come from
        most agents. They show as offline here, for that is what is known; it is told as an event{" "}
        <Ticking
          text={(now) => (now < heldUntil ? `in ${countdownText(heldUntil - now)}` : "soon")}
        />{" "}
        unless they come back.
      </>
    ),
  };
}

function expiry(expiresAt: number, now: number): FlashbarProps.MessageDefinition | null {
  const left = expiresAt - now;
  if (left > ANNOUNCED_MS || left <= 0) return null;
  return {
    id: "expiry",
    type: "warning",
    content: (
      <>
        The sign-in ends in <Ticking text={(at) => countdownText(expiresAt - at)} />. Open the page
        anew with <b>{RENEWAL}</b>.
      </>
    ),
  };
}

const NAMED = 5;

function loss(fleet: FleetSnapshot, dismiss: () => void): FlashbarProps.MessageDefinition | null {
  const { massLoss } = fleet;
  if (!massLoss || isBlind(fleet)) return null;
  const { agentIds, since } = massLoss;
  const more = agentIds.length > NAMED ? ` and ${agentIds.length - NAMED} more` : "";
  return {
    id: "loss",
    type: "error",
    ariaRole: "alert",
    header: `${agentIds.length} agents were lost at once`,
    content: (
      <>
        {agentIds.slice(0, NAMED).join(", ")}
        {more}, since <Ticking text={(now) => timeText(since, now)} />. What do they share: a host,
        a network, a release?
      </>
    ),
    action: <Button href={HREFS.fleetOf("offline")}>Show offline agents</Button>,
    dismissible: true,
    dismissLabel: "Dismiss",
    onDismiss: dismiss,
  };
}
