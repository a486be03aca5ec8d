/** The demo: agents that connect, fail and leave, and their status and events. */

import { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { type AgentPresence, StatusReader } from "@agent-heartbeat/sdk/status";
import pc from "picocolors";
import type { BusEvent } from "../../aws/events/event-bus";
import { DEMO_ORGANIZATION } from "../options";
import { type LocalService, localDynamoDb } from "../service";
import { injectDemoFaults } from "./demo-faults";
import { startFleet } from "./fleet";
import type { Screen } from "./screen";
import { statusTable } from "./status-table";

const REDRAW_MS = 1000;

export interface DemoOptions {
  runtime: LocalService;
  screen: Screen;
  /** For the agents' program and keys. */
  directory: string;
}

export interface Demo {
  /** Ends every agent. */
  stop(): Promise<void>;
}

export async function startDemo({ runtime, screen, directory }: DemoOptions): Promise<Demo> {
  const { outputs } = runtime;
  const client = localDynamoDb(outputs);
  const registry = new AgentRegistry({ client, ...outputs });
  const reader = new StatusReader({ client, tableName: outputs.statusTableName });
  const report = (text: string) => screen.line(`${pc.dim(clockTime())} ${text}`);
  const stopTransitions = runtime.onEvent((event) => {
    const text = transitionText(event);
    if (text) report(text);
  });
  const fleet = await startFleet({ registry, webSocketUrl: outputs.webSocketUrl, directory });
  const ending = new AbortController();
  const { signal } = ending;

  let shown = new Map<string, AgentPresence>();
  const redraw = async () => {
    const { agents } = await reader.listAgents({ organizationId: DEMO_ORGANIZATION });
    for (const agent of agents) {
      // The sweep publishes the event later, but readers see the expiry at once.
      const expired = agent.reason === "lease_expired";
      if (expired && shown.get(agent.agentId)?.status === "online") {
        report(pc.red(`${pc.bold(agent.agentId)} reads as offline: its lease has expired`));
      }
    }
    shown = new Map(agents.map((agent) => [agent.agentId, agent]));
    screen.table(statusTable(agents, fleet.agents, Date.now() + reader.clockOffsetMs));
  };
  let drawing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    drawing = drawing.then(redraw).catch((error: Error) => report(pc.yellow(error.message)));
  }, REDRAW_MS);
  const faults = injectDemoFaults({
    agents: fleet.agents,
    report: (what) => report(pc.cyan(what)),
    random: Math.random,
    signal,
  });

  return {
    async stop() {
      ending.abort();
      clearInterval(timer);
      stopTransitions();
      await Promise.all([faults, drawing]);
      await fleet.stop();
      screen.table([]);
      client.destroy();
    },
  };
}

/** A transition as one line, or undefined if the event is another one. */
function transitionText({ "detail-type": type, detail }: BusEvent): string | undefined {
  const { agentId, reason } = detail as { agentId?: string; reason?: string };
  if (type === "Agent Online") return pc.green(`${pc.bold(agentId)} came online: ${reason}`);
  if (type === "Agent Offline") return pc.red(`${pc.bold(agentId)} went offline: ${reason}`);
  return undefined;
}

const clockTime = () => new Date().toTimeString().slice(0, 8);
