/** What passes between the run and a process of agents. */

/** How to make the agents of a process; its command line. */
export interface AgentsSettings {
  /** Where the run is joined, and as whom. */
  receptionPort: number;
  name: string;
  origin: number;
  organizationId: string;
  url: string;
  privateKey: string;
  heartbeatInterval: number;
  heartbeatTimeoutMultiplier: number;
  /** Each with the port of its own link to the gateway. */
  agents: { agentId: string; port: number }[];
}

export type AgentsCommand =
  /** The clock jumps. */
  | { do: "jump"; ms: number }
  /** Every agent ends; `drain` with grace. */
  | { do: "leave"; drain: boolean };

export type AgentsReport =
  | { what: "opened"; agentId: string; link: string; at: number }
  | { what: "ended"; agentId: string; link: string; at: number }
  | { what: "acked"; agentId: string; link: string; sentAt: number; at: number }
  /** How many sockets each agent has left open, and the process as a whole. */
  | { what: "left"; sockets: Record<string, number>; handles: number };
