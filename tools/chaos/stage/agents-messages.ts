/** The messages between the run and a process of agents. */

/** The settings of a process of agents, passed on its command line. */
export interface AgentsSettings {
  /** The run's channel, and the process's name on it. */
  receptionPort: number;
  name: string;
  origin: number;
  organizationId: string;
  url: string;
  privateKey: string;
  heartbeatInterval: number;
  heartbeatTimeoutMultiplier: number;
  /** Each agent with the port of its link to the gateway. */
  agents: { agentId: string; port: number }[];
}

export type AgentsCommand =
  /** The clock jumps. */
  | { do: "jump"; ms: number }
  /** Every agent ends, with or without a drain. */
  | { do: "leave"; drain: boolean };

export type AgentsReport =
  | { what: "opened"; agentId: string; link: string; at: number }
  | { what: "ended"; agentId: string; link: string; at: number }
  | { what: "acked"; agentId: string; link: string; sentAt: number; at: number }
  /** The number of sockets left open by each agent, and by the process. */
  | { what: "left"; sockets: Record<string, number>; handles: number };
