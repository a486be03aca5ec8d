/** The messages between the run and a process of agents. */

import type { Handling } from "../groups/evidence";
import type { Pace } from "./pace";

/** The settings of a process of agents, passed on its command line. */
export type AgentsSettings = Pace["options"] & {
  /** The run's channel, and the process's name on it. */
  receptionPort: number;
  name: string;
  origin: number;
  organizationId: string;
  url: string;
  /** What happens to a process of the same agents that is there already. */
  onDuplicate: "replace" | "reject";
  /** Whether the agents handle tasks, as members of one group. */
  handlesTasks: boolean;
  agents: AgentPlace[];
};

/** An agent, with the port of its own link to the gateway. */
export interface AgentPlace {
  agentId: string;
  port: number;
  /** Where it sends heartbeats over HTTP; left out if it sends none. */
  httpPort?: number;
  privateKey: string;
  /** What it can do; empty for an agent without a profile. */
  capabilities: string[];
}

export type AgentsCommand =
  /** The clock jumps. */
  | { do: "jump"; ms: number }
  /** Restarts an agent that has ended because another process took over. */
  | { do: "revive"; agentId: string }
  /** An agent continues with another key. */
  | { do: "change key"; agentId: string; privateKey: string }
  /** These agents drain, and are restarted. */
  | { do: "drain"; agentIds: string[] }
  /** Every agent ends, with or without a drain. */
  | { do: "leave"; drain: boolean };

export type AgentsReport =
  | { what: "opened"; agentId: string; link: string; at: number }
  | { what: "ended"; agentId: string; link: string; at: number }
  | { what: "acked"; agentId: string; link: string; sentAt: number; at: number; overHttp?: true }
  /** It got a message that the run or another agent has published. */
  | { what: "heard"; agentId: string; sentAt: number; at: number }
  /** It has begun to handle a task. */
  | ({ what: "handling" } & Handling)
  /** The gateway has answered its handshake with this status. */
  | { what: "refused"; agentId: string; status: number }
  /** It has drained and ended. */
  | { what: "drained"; agentId: string; at: number }
  /** It has ended, for a newer process has taken over. */
  | { what: "superseded"; agentId: string }
  /** The number of sockets left open by each agent. */
  | { what: "left"; sockets: Record<string, number> };
