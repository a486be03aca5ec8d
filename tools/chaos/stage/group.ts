/** The agents of one process, which may be killed and restarted, and have other processes beside it. */

import type { AgentsCommand } from "./agents-messages";
import type { Program } from "./programs";
import { Rivals } from "./rivals";

/** A process of agents, with those to which a newer process has put an end. */
export interface AgentsProcess extends Program<AgentsCommand> {
  superseded: Set<string>;
}

export interface Group {
  agentIds: string[];
  /** Null while it is killed. */
  program: AgentsProcess | null;
  /** The other processes of the same agents. */
  rivals: Rivals;
  left: PromiseWithResolvers;
}

interface PromiseWithResolvers {
  promise: Promise<void>;
  resolve(): void;
}

export function newGroup(agentIds: string[]): Group {
  return { agentIds, program: null, rivals: new Rivals(), left: withResolvers() };
}

export function withResolvers(): PromiseWithResolvers {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/**
 * An agent of the group's own process has ended because it was superseded, of which it may be notified late. It is restarted if
 * there is no other process any more.
 *
 * @returns whether there has been one
 */
export function goOn({ program, rivals }: Group, agentId: string): boolean {
  if (!rivals.explain(agentId)) return false;
  if (!rivals.haveGone) return true;
  program?.superseded.delete(agentId);
  rivals.restarted(agentId);
  program?.channel.send({ do: "revive", agentId });
  return true;
}
