/** Level `fleet`: a viewer that keeps the organization's agents current. */

import type { AgentPresence, Transition } from "@agent-heartbeat/sdk/protocol";
import {
  type FakeConnection,
  fakePresence,
  fakeTransition,
  type SentMessage,
} from "@agent-heartbeat/sdk/testing";
import type { Scenario, Trial } from "./trial";

export const FLEET: Scenario[] = [
  {
    level: "fleet",
    name: "It subscribes before it lists, and lists page by page.",
    async play(trial) {
      lists(trial, ({ cursor }) =>
        cursor === "2" ? page([presence("b")]) : page([presence("a")], "2"),
      );
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
    name: "It shows a transition at once, and the newer of two updates.",
    async play(trial) {
      lists(trial, () => page([presence("a")]));
      const connection = await watching(trial);
      await shows(trial, { a: "online" });
      const later = Date.now() + 500;
      connection.send(transition("b", { lastHeartbeatAt: later }));
      await shows(trial, { a: "online", b: "online" });
      connection.send(
        transition("b", { status: "offline", reason: "drained", lastHeartbeatAt: 1 }),
      );
      connection.send(
        transition("a", { status: "offline", reason: "drained", lastHeartbeatAt: later }),
      );
      await shows(trial, { a: "offline", b: "online" });
    },
  },
  {
    level: "fleet",
    name: "It detects by itself that a lease has expired.",
    async play(trial) {
      const agents = [presence("a", { leaseExpiresAt: Date.now() + 1500 })];
      lists(trial, () => page(agents));
      await watching(trial);
      await shows(trial, { a: "offline" });
    },
  },
  {
    level: "fleet",
    name: "It lists again after a reconnect, and removes agents that are gone.",
    async play(trial) {
      lists(trial, () => page([presence("a"), presence("b")]));
      const connection = await watching(trial);
      await shows(trial, { a: "online", b: "online" });
      lists(trial, () => page([presence("b")]));
      connection.close(1006);
      await shows(trial, { b: "online" });
    },
  },
];

async function watching(trial: Trial): Promise<FakeConnection> {
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

/** The client gets these pages of agents. */
function lists(trial: Trial, pageOf: (message: SentMessage) => object): void {
  trial.service.answer = (message) =>
    message.type === "list"
      ? { type: "agents", serverTime: Date.now(), ...pageOf(message) }
      : undefined;
}

const page = (agents: object[], cursor: string | null = null) => ({ agents, cursor });

/** A lease that no slow machine outlives. */
const presence = (agentId: string, fields: Partial<AgentPresence> = {}) =>
  fakePresence(agentId, { leaseMs: 600_000, leaseExpiresAt: Date.now() + 600_000, ...fields });

function transition(agentId: string, fields: Partial<Transition>): object {
  const data = fakeTransition(agentId, { leaseExpiresAt: Date.now() + 600_000, ...fields });
  const { transitionId: messageId } = data;
  return { type: "message", messageId, subject: `presence.${agentId}`, data, from: "service" };
}
