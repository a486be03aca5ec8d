/** Registers the demo agents and runs each in its own process. */

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { demoAgent, pythonCommand } from "#files";
import { DEMO_ORGANIZATION } from "../options";
import { registerWithKey } from "../register";
import { AgentProcess } from "./agent-process";

const PLANNER = "planner";

/** Runs with the Python client, where there is a Python that has its dependencies. */
const IN_PYTHON = "translator";

/** The capabilities of each agent. */
const CAPABILITIES: Readonly<Record<string, string[]>> = {
  coder: ["typescript", "python"],
  deployer: ["aws"],
  [PLANNER]: ["planning"],
  researcher: ["search", "summarize"],
  reviewer: ["typescript"],
  summarizer: ["summarize"],
  [IN_PYTHON]: ["translate"],
};

/** In seconds. Short, so that a silent agent's lease expires while you watch. */
const HEARTBEAT_INTERVAL = 5;

export interface FleetOptions {
  registry: AgentRegistry;
  webSocketUrl: string;
  /** For the agents' program and, while they run, their private keys. */
  directory: string;
}

export interface Fleet {
  agents: AgentProcess[];
  /** Ends every process and removes the keys. */
  stop(): Promise<void>;
}

export async function startFleet({
  registry,
  webSocketUrl,
  directory,
}: FleetOptions): Promise<Fleet> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const [program, python] = await Promise.all([demoAgent(directory), pythonCommand()]);
  const agentIds = Object.keys(CAPABILITIES)
    .filter((agentId) => agentId !== IN_PYTHON || python)
    .sort();
  const removeKeys = () => {
    for (const agentId of agentIds) rmSync(join(directory, `${agentId}.pem`), { force: true });
  };
  // Runs however this process ends, unless it is killed.
  process.once("exit", removeKeys);
  const agents = await Promise.all(
    agentIds.map(async (agentId) => {
      const privateKeyPath = join(directory, `${agentId}.pem`);
      const name = { organizationId: DEMO_ORGANIZATION, agentId };
      await registerWithKey(registry, name, privateKeyPath);
      const settings = {
        agentId,
        organizationId: DEMO_ORGANIZATION,
        url: webSocketUrl,
        privateKeyPath,
        heartbeatInterval: HEARTBEAT_INTERVAL,
        capabilities: CAPABILITIES[agentId],
        metadata: { version: `1.${agentId.length}.0` },
        ...(agentId === PLANNER && { workers: agentIds.filter((id) => id !== PLANNER) }),
      };
      const command = agentId === IN_PYTHON && python ? python : [process.execPath, program];
      return new AgentProcess(agentId, [...command, JSON.stringify(settings)]);
    }),
  );
  for (const agent of agents) agent.start();
  return {
    agents,
    async stop() {
      await Promise.all(agents.map((agent) => agent.kill()));
      removeKeys();
      process.off("exit", removeKeys);
    },
  };
}
