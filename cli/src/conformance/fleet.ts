/** Level `fleet`: a viewer that keeps the organization's agents current. */

import type { ServerConnection } from "./service";
import type { Scenario, Trial } from "./trial";

export const FLEET: Scenario[] = [
  {
    level: "fleet",
    name: "It subscribes before it lists, and lists page by page.",
    async play(trial) {
      trial.service.page = ({ cursor }) =>
        cursor === "2" ? page([presence("b")]) : page([presence("a")], "2");
      const connection = await watching(trial);
      await shows(trial, { a: "online", b: "online" });
      const types = connection.messages
        .map(({ type }) => type)
        .filter((type) => type !== "heartbeat");
      trial.expect(
        types.slice(0, 3).join() === "subscribe,list,list",
        "subscribe, list, list",
        types,
      );
      trial.expect(connection.ofType("subscribe")[0]?.subject === "presence.>", "presence.>");
    },
  },
  {
    level: "fleet",
    name: "It shows a transition at once, and the newer of two words.",
    async play(trial) {
      trial.service.page = () => page([presence("a")]);
      const connection = await watching(trial);
      await shows(trial, { a: "online" });
      const later = Date.now() + 500;
      connection.tell(transition("b", { lastHeartbeatAt: later }));
      await shows(trial, { a: "online", b: "online" });
      connection.tell(
        transition("b", { status: "offline", reason: "drained", lastHeartbeatAt: 1 }),
      );
      connection.tell(
        transition("a", { status: "offline", reason: "drained", lastHeartbeatAt: later }),
      );
      await shows(trial, { a: "offline", b: "online" });
    },
  },
  {
    level: "fleet",
    name: "It shows by itself that a lease has run out.",
    async play(trial) {
      const agents = [presence("a", { leaseExpiresAt: Date.now() + 1500 })];
      trial.service.page = () => page(agents);
      await watching(trial);
      await shows(trial, { a: "offline" });
    },
  },
  {
    level: "fleet",
    name: "It lists anew after it has lost its connection, and forgets who is gone.",
    async play(trial) {
      trial.service.page = () => page([presence("a"), presence("b")]);
      const connection = await watching(trial);
      await shows(trial, { a: "online", b: "online" });
      trial.service.page = () => page([presence("b")]);
      connection.close(1006);
      await shows(trial, { b: "online" });
    },
  },
];

async function watching(trial: Trial): Promise<ServerConnection> {
  await trial.client.call("watch", { settings: trial.settings });
  return trial.service.connection();
}

/** Waits for the client to show these agents, and no others. */
async function shows(trial: Trial, agents: Record<string, string>): Promise<void> {
  const expected = JSON.stringify(agents);
  await trial.client.event("agents", (event) => {
    const shown = event.agents as Record<string, string>;
    const sorted = Object.fromEntries(Object.entries(shown).sort());
    return event === trial.client.events.at(-1) && JSON.stringify(sorted) === expected;
  });
}

const page = (agents: object[], cursor: string | null = null) => ({ agents, cursor });

function presence(agentId: string, values: object = {}): Record<string, unknown> {
  const now = Date.now();
  return {
    agentId,
    status: "online",
    reason: null,
    since: now,
    connectedAt: now,
    connectionId: "c",
    instanceId: "i",
    lastHeartbeatAt: now,
    leaseExpiresAt: now + 600_000,
    leaseMs: 600_000,
    heartbeatIntervalMs: 200_000,
    activity: null,
    stalledSince: null,
    ...values,
  };
}

function transition(agentId: string, values: object): object {
  const shown = presence(agentId, values);
  const data = {
    ...shown,
    transitionId: `${agentId}-${Math.random()}`,
    organizationId: "acme",
    event: shown.status,
    previousStatus: null,
    reason: shown.reason ?? "connected",
    at: Date.now(),
  };
  const messageId = data.transitionId;
  return { type: "message", messageId, subject: `presence.${agentId}`, data, from: "service" };
}
