import type { AgentPresence } from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { FleetMetrics, type ObservedFleet } from "../../../cli/src/metrics/fleet-metrics";
import { presence, START, transition } from "../../../testing/fleet-watchers";

interface Given extends Partial<Omit<ObservedFleet, "agents">> {
  agents?: AgentPresence[];
  perAgent?: boolean;
}

function metricsOf({ agents = [], perAgent = false, ...rest }: Given = {}) {
  const fleet: ObservedFleet = {
    state: "live",
    massExpiry: null,
    lastUpdateAt: null,
    ...rest,
    agents: new Map(agents.map((agent) => [agent.agentId, agent])),
  };
  const metrics = new FleetMetrics({ organizationId: "acme", perAgent, fleet: () => fleet });
  return { metrics, fleet };
}

/** The service's series with their values, without those that are zero. */
async function series({ registry }: FleetMetrics): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split("\n");
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, name = "", labels = "", value = ""] =
        /^agent_heartbeat_(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
      const own = labels.split(/,(?=\w+=)/).filter((label) => label !== 'organization="acme"');
      const shown = own.filter((label) => label !== 'reason=""').join(",");
      return name && value !== "0" ? [[shown ? `${name}{${shown}}` : name, Number(value)]] : [];
    }),
  );
}

const offline = (agentId: string, reason: string) =>
  presence(agentId, { status: "offline", reason: reason as never });

describe("the metrics of a fleet", () => {
  it("count each agent once, by its derived status, with the reason if it is offline", async () => {
    const { metrics } = metricsOf({
      agents: [
        presence("a"),
        presence("b", { lastHeartbeatAt: START - 45_500 }),
        presence("c", { stalledSince: START }),
        presence("d", { activity: { state: "draining" } }),
        presence("e", { activity: { state: "draining" }, stalledSince: START }),
        offline("f", "lease_expired"),
        offline("g", "lease_expired"),
        offline("h", "drained"),
      ],
    });
    expect(await series(metrics)).toEqual({
      'agents{status="online"}': 2,
      'agents{status="stalled"}': 2,
      'agents{status="draining"}': 1,
      'agents{status="offline",reason="lease_expired"}': 2,
      'agents{status="offline",reason="drained"}': 1,
      oldest_heartbeat_timestamp_seconds: (START - 45_500) / 1000,
      exporter_live: 1,
    });
  });

  it("have a series for each status and reason before there is such an agent", async () => {
    const text = await metricsOf().metrics.registry.metrics();
    expect(text).toContain(
      'agent_heartbeat_agents{status="stalled",reason="",organization="acme"} 0',
    );
    expect(text).toContain('{status="offline",reason="revoked",organization="acme"} 0');
    expect(text).toContain('{event="offline",reason="lease_expired",organization="acme"} 0');
    // Nobody is connected who could have been silent.
    expect(text).not.toMatch(/^agent_heartbeat_oldest_heartbeat/m);
  });

  it("no longer contain agents that are gone, or earlier states", async () => {
    const { metrics, fleet } = metricsOf({
      agents: [presence("a"), presence("b")],
      perAgent: true,
    });
    await series(metrics);
    const agents = fleet.agents as Map<string, AgentPresence>;
    agents.delete("a");
    agents.set("b", presence("b", { stalledSince: START }));
    expect(await series(metrics)).toEqual({
      'agents{status="stalled"}': 1,
      'agent_up{agent="b",status="stalled"}': 1,
      'agent_last_heartbeat_timestamp_seconds{agent="b"}': START / 1000,
      oldest_heartbeat_timestamp_seconds: START / 1000,
      exporter_live: 1,
    });
  });

  it.each(["idle", "connecting", "stale", "stopped"] as const)(
    "contain no agents while the exporter is %s",
    async (state) => {
      const agents = [presence("a"), offline("b", "drained")];
      const massExpiry = { suspectedAt: START, confirmedAt: null, expired: 2, online: 3 } as never;
      const given = { state, agents, massExpiry, lastUpdateAt: START, perAgent: true };
      expect(await series(metricsOf(given).metrics)).toEqual({
        exporter_last_update_timestamp_seconds: START / 1000,
      });
    },
  );

  it("report that the service is in self-preservation", async () => {
    const massExpiry = { suspectedAt: START } as never;
    expect(await series(metricsOf({ massExpiry }).metrics)).toMatchObject({
      mass_expiry_suspected: 1,
    });
  });

  it("count each transition once, whatever its source, and no change without one", async () => {
    const { metrics } = metricsOf();
    const lost = transition("a", {
      event: "offline",
      reason: "connection_lost",
      transitionId: "t2",
    });
    for (const seen of [transition("a"), lost, lost, transition("a"), null]) {
      metrics.countTransition({ transition: seen });
    }
    expect(await series(metrics)).toEqual({
      'transitions_total{event="online",reason="connected"}': 1,
      'transitions_total{event="offline",reason="connection_lost"}': 1,
      exporter_live: 1,
    });
  });

  it("keep the number of series bounded when unknown reasons arrive", async () => {
    const reasons = ["struck_by_lightning", "abducted", "__proto__", "toString"];
    const { metrics } = metricsOf({ agents: reasons.map((reason) => offline(reason, reason)) });
    for (const reason of reasons) {
      const event = { event: "offline", reason: reason as never, transitionId: reason } as const;
      metrics.countTransition({ transition: transition("a", event) });
    }
    expect(await series(metrics)).toEqual({
      'agents{status="offline",reason="other"}': 4,
      'transitions_total{event="offline",reason="other"}': 4,
      exporter_live: 1,
    });
  });
});
