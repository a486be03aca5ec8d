/** Banners: connection lost, suspected mass expiry, sign-in about to end, many agents lost. */

import Button from "@cloudscape-design/components/button";
import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";
import { useFleet, useStore } from "../fleet/context";
import { type FleetSnapshot, isStale } from "../fleet/fleet-store";
import { countdownText, spanText, timeText } from "../text/duration";
import { Ticking, useNow } from "../time/ticker";
import { HREFS } from "./route";

/** From when on the end of the sign-in is announced, in milliseconds. */
export const WARN_BEFORE_MS = 15 * 60_000;

export const SIGN_IN_COMMAND = "agent-heartbeat dashboard";

export function Banners({ expiresAt }: { expiresAt: number }) {
  const fleet = useFleet();
  const { dismissLoss } = useStore();
  const now = useNow(10_000);
  const items = [
    disconnectedBanner(fleet),
    massExpiryBanner(fleet),
    signInBanner(expiresAt, now),
    lossBanner(fleet, dismissLoss),
  ].filter((item) => item !== null);
  return <Flashbar items={items} />;
}

function disconnectedBanner(fleet: FleetSnapshot): FlashbarProps.MessageDefinition | null {
  const { state, loaded, lastUpdateAt, failure } = fleet;
  const opening = state === "connecting" && !loaded && !failure;
  if (!isStale(fleet) || opening) return null;
  return {
    id: "disconnected",
    type: "error",
    ariaRole: "alert",
    header: "Not connected: the current status of the agents is unknown",
    content: (
      <>
        <Ticking
          text={(now) =>
            lastUpdateAt === null
              ? "No data has been received yet."
              : `The data shown is from ${timeText(lastUpdateAt, now)}, ${spanText(now - lastUpdateAt)} ago.`
          }
        />{" "}
        {state === "stopped"
          ? `Sign in again with ${SIGN_IN_COMMAND}.`
          : "The page keeps trying to reconnect."}
        {failure && ` Last error: ${failure.message}.`}
      </>
    ),
  };
}

function massExpiryBanner(fleet: FleetSnapshot): FlashbarProps.MessageDefinition | null {
  const { massExpiry } = fleet;
  if (!massExpiry || isStale(fleet)) return null;
  const { suspectedAt, heldUntil } = massExpiry;
  return {
    id: "mass-expiry",
    type: "warning",
    ariaRole: "alert",
    header: "Many agents fell silent at once: the service may be missing their heartbeats",
    content: (
      <>
        Since <Ticking text={(now) => timeText(suspectedAt, now)} /> most agents have sent no
        heartbeat. This page shows them as offline. The service publishes their offline events{" "}
        <Ticking
          text={(now) => (now < heldUntil ? `in ${countdownText(heldUntil - now)}` : "soon")}
        />{" "}
        unless heartbeats resume.
      </>
    ),
  };
}

function signInBanner(expiresAt: number, now: number): FlashbarProps.MessageDefinition | null {
  const left = expiresAt - now;
  if (left > WARN_BEFORE_MS || left <= 0) return null;
  return {
    id: "expiry",
    type: "warning",
    content: (
      <>
        The sign-in ends in <Ticking text={(at) => countdownText(expiresAt - at)} />. Sign in again
        with <b>{SIGN_IN_COMMAND}</b>.
      </>
    ),
  };
}

const MAX_NAMED = 5;

function lossBanner(
  fleet: FleetSnapshot,
  dismiss: () => void,
): FlashbarProps.MessageDefinition | null {
  const { massLoss } = fleet;
  if (!massLoss || isStale(fleet)) return null;
  const { agentIds, since } = massLoss;
  const more = agentIds.length > MAX_NAMED ? ` and ${agentIds.length - MAX_NAMED} more` : "";
  return {
    id: "loss",
    type: "error",
    ariaRole: "alert",
    header: `${agentIds.length} agents were lost at once`,
    content: (
      <>
        {agentIds.slice(0, MAX_NAMED).join(", ")}
        {more}, since <Ticking text={(now) => timeText(since, now)} />. Check what they have in
        common: a host, a network or a release.
      </>
    ),
    action: <Button href={HREFS.fleetOf("offline")}>Show offline agents</Button>,
    dismissible: true,
    dismissLabel: "Dismiss",
    onDismiss: dismiss,
  };
}
