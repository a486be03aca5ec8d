/** TypeScript's ways of finding a package's types, in the newest version of each line that people use. */

import { output, save } from "../packages/project";
import type { Platform } from "./platform";

const CODE = `
import { HeartbeatAgent, type ConnectionHealth } from "@agent-heartbeat/sdk";
import { FleetWatcher } from "@agent-heartbeat/sdk/fleet";
import { SUBPROTOCOL } from "@agent-heartbeat/sdk/protocol";
const agent = new HeartbeatAgent({ agentId: "a", organizationId: "o", url: "wss://h/s", privateKey: "k" });
export const health: ConnectionHealth = agent.getConnectionHealth();
agent.reconnect();
// @ts-expect-error: options are required
new HeartbeatAgent();
export const names: string[] = [SUBPROTOCOL, FleetWatcher.name];
`;

const WAYS: readonly string[][] = [
  ["--module", "commonjs", "--moduleResolution", "node10"],
  ["--module", "node16", "--moduleResolution", "node16"],
  ["--module", "nodenext", "--moduleResolution", "nodenext"],
  ["--module", "esnext", "--moduleResolution", "bundler"],
  ["--module", "esnext", "--moduleResolution", "bundler", "--customConditions", "browser"],
];

export const types: Platform = {
  name: "types",
  packages: ["typescript@5.9", "@types/node@20"],
  async run({ project }) {
    for (const file of ["code.ts", "code.mts", "code.cts"]) save(project, file, CODE);
    const always = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2023,dom"];
    for (const way of WAYS) {
      const files =
        way.includes("node10") || way.includes("bundler") ? ["code.ts"] : ["code.mts", "code.cts"];
      await output(project, "npx", "tsc", ...always, ...way, ...files);
    }
    return WAYS.map((way) => way.slice(3).join(" "));
  },
};
