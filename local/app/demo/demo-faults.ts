/** Does to the demo agents what the world does to real ones, one thing after another. */

import type { AgentProcess } from "./agent-process";

export interface MischiefOptions {
  agents: AgentProcess[];
  /** Told of each thing that is done. */
  tell(what: string): void;
  /** From 0 to below 1. */
  random(): number;
  signal: AbortSignal;
}

const FIRST_MS = 6000;
const PAUSE_MS = 9000;
/** Long enough that the reading of a killed agent is seen. */
const DOWN_MS = 6000;
/** Longer than the lease of three heartbeats. */
const FROZEN_MS = 22_000;

/** Kills, kills, freezes and dismisses agents in turn, and brings each back; resolves when told to end. */
export async function makeMischief({
  agents,
  tell,
  random,
  signal,
}: MischiefOptions): Promise<void> {
  const pause = (ms: number) => pauseUntil(ms, signal);
  const acts = [kill, freeze, kill, dismiss];
  await pause(FIRST_MS);
  for (let turn = 0; !signal.aborted; turn++) {
    const running = agents.filter(({ state }) => state === "running");
    const victim = running[Math.floor(random() * running.length)];
    const act = acts[turn % acts.length];
    if (victim && act) await act(victim);
    await pause(PAUSE_MS);
  }

  async function kill(agent: AgentProcess): Promise<void> {
    tell(`kill -KILL ${agent.pid} (${agent.agentId}): the socket breaks`);
    await agent.kill();
    await bringBack(agent);
  }

  async function dismiss(agent: AgentProcess): Promise<void> {
    tell(`kill -TERM ${agent.pid} (${agent.agentId}): it finishes and says goodbye`);
    await agent.leave();
    await bringBack(agent);
  }

  async function bringBack(agent: AgentProcess): Promise<void> {
    await pause(DOWN_MS);
    if (signal.aborted) return;
    agent.start();
    tell(`${agent.agentId} starts again as process ${agent.pid}`);
  }

  async function freeze(agent: AgentProcess): Promise<void> {
    tell(`kill -STOP ${agent.pid} (${agent.agentId}): silent, but its connection stays`);
    agent.freeze();
    await pause(FROZEN_MS);
    if (signal.aborted) return;
    tell(`kill -CONT ${agent.pid} (${agent.agentId}): it goes on by itself`);
    agent.thaw();
  }
}

function pauseUntil(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, signal.aborted ? 0 : ms);
    signal.addEventListener("abort", end);
  });
}
