/** Injects faults into the demo agents, one after the other. */

import type { AgentProcess } from "./agent-process";

export interface DemoFaultsOptions {
  agents: AgentProcess[];
  /** Called with a line for each fault. */
  report(what: string): void;
  /** From 0 to below 1. */
  random(): number;
  signal: AbortSignal;
}

const FIRST_MS = 6000;
const PAUSE_MS = 9000;
/** Long enough to see that a killed agent is offline. */
const DOWN_MS = 6000;
/** Longer than the lease of three heartbeats. */
const FROZEN_MS = 22_000;

/** Kills, suspends and stops agents in turn, and restarts each. Resolves when the signal is aborted. */
export async function injectDemoFaults({
  agents,
  report,
  random,
  signal,
}: DemoFaultsOptions): Promise<void> {
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
    report(`kill -KILL ${agent.pid} (${agent.agentId}): its connection breaks`);
    await agent.kill();
    await bringBack(agent);
  }

  async function dismiss(agent: AgentProcess): Promise<void> {
    report(`kill -TERM ${agent.pid} (${agent.agentId}): it finishes and disconnects`);
    await agent.leave();
    await bringBack(agent);
  }

  async function bringBack(agent: AgentProcess): Promise<void> {
    await pause(DOWN_MS);
    if (signal.aborted) return;
    agent.start();
    report(`${agent.agentId} starts again as process ${agent.pid}`);
  }

  async function freeze(agent: AgentProcess): Promise<void> {
    report(
      `kill -STOP ${agent.pid} (${agent.agentId}): it is silent, but its connection stays open`,
    );
    agent.freeze();
    await pause(FROZEN_MS);
    if (signal.aborted) return;
    report(`kill -CONT ${agent.pid} (${agent.agentId}): it continues`);
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
