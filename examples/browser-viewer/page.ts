/**
 * The page's script: signs in with the key from the address, and keeps a table of agents up to
 * date.
 */

import { FleetWatcher } from "@agent-heartbeat/sdk/fleet";
import type { AgentPresence } from "@agent-heartbeat/sdk/protocol";

/** How often the table is redrawn: a lease that expires causes no event. */
const REDRAW_MS = 1000;

const state = element("state");
const rows = element("agents");

const signIn = new URLSearchParams(location.hash.slice(1));
// Removes the key from the address bar and the history.
history.replaceState(null, "", location.pathname);

const fleet = new FleetWatcher({
  url: given("url"),
  organizationId: given("organization"),
  agentId: given("agent"),
  privateKey: given("key"),
});
fleet.on("change", show);
fleet.on("state", ({ state: now, failure }) => {
  state.textContent = failure ? `${now}: ${failure.message}` : now;
  // Data may be out of date while disconnected: never show it in green.
  rows.classList.toggle("stale", now !== "live");
});
void fleet.start();
setInterval(show, REDRAW_MS);

function show(): void {
  const agents = [...fleet.agents.values()].sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
  rows.replaceChildren(...agents.map(rowOf));
}

/** Sets text only: what agents report must not be trusted as HTML. */
function rowOf({ agentId, status, reason, since, activity }: AgentPresence): HTMLElement {
  const row = document.createElement("tr");
  const doing = activity?.task ?? activity?.state ?? "";
  const statusText = status === "online" ? status : `${status}: ${reason}`;
  for (const text of [agentId, statusText, new Date(since).toLocaleTimeString(), doing]) {
    row.insertCell().textContent = text;
  }
  row.cells[1]?.classList.add(status);
  return row;
}

function given(name: string): string {
  const value = signIn.get(name);
  if (value) return value;
  state.textContent = "Not signed in: open the address that the example prints.";
  throw new Error(`the address: expected ${name} in its fragment, got none`);
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page: expected an element ${id}, got none`);
  return found;
}
