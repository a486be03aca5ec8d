/** A platform that the client is used on, and the program that uses it there. */

import type { Project } from "../packages/project";

export interface Trial {
  project: Project;
  /** Of the service. */
  url: string;
  privateKey: string;
}

/** The platform is not available on this machine, which is no failure. */
export class MissingPlatform extends Error {}

export interface Platform {
  name: string;
  /** What is installed beside the client, from the registry. */
  packages: readonly string[];
  /**
   * @returns what was tried
   * @throws MissingPlatform if the platform can't be had here
   * @throws Error saying what went wrong
   */
  run(trial: Trial): Promise<string[]>;
}

/** What a program prints whose agent has connected, asked and drained. */
export const USED = "was online, is stopped";

/**
 * The program: it connects, asks, and drains. `HeartbeatAgent` has to be there.
 *
 * @param more further options of the agent
 */
export function useOf({ url, privateKey }: Trial, agentId: string, more: object = {}): string {
  const options = { agentId, organizationId: "acme", url, privateKey, logger: null, ...more };
  return `
const use = async () => {
  const agent = new HeartbeatAgent(${JSON.stringify(options)});
  await agent.start({ signal: AbortSignal.timeout(60_000) });
  const { agents } = await agent.list();
  await agent.drain();
  const { status } = agents.find(({ agentId }) => agentId === agent.agentId) ?? {};
  return "was " + status + ", is " + agent.state;
};
`;
}

export const IMPORT = 'import { HeartbeatAgent } from "@agent-heartbeat/sdk";';
export const REQUIRE = 'const { HeartbeatAgent } = require("@agent-heartbeat/sdk");';
export const PRINT =
  "use().then(console.log, (error) => { console.error(error); process.exitCode = 1; });";

/** @throws Error if a program has printed anything else */
export function expectUsed(printed: string): void {
  if (printed.trim() !== USED) throw new Error(`expected ${USED}, got:\n${printed}`);
}
