/** The TypeScript client on trial: `npx agent-heartbeat conformance -- node tools/conformance/client.mjs`. */

import { createInterface } from "node:readline";
import { FleetWatcher, HeartbeatAgent } from "@agent-heartbeat/sdk";

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
let agent;
let release;

const calls = {
  start({ settings: { patterns, groups, ...settings } }) {
    agent = new HeartbeatAgent({ ...settings, logger: null, signals: [] });
    agent.on("state", ({ state }) => print({ event: "state", state }));
    for (const pattern of patterns) {
      const handle = async (subject, data) => {
        print({ event: "message", subject, data });
        if (data === "hold") {
          await new Promise((resolve) => {
            release = resolve;
          });
        }
        return { echo: data };
      };
      agent.onMessage(pattern, handle, { group: groups[pattern] });
    }
    agent.run().then(
      (how) => print({ event: "ended", how }),
      (error) => print({ event: "ended", how: error.name }),
    );
  },
  async watch({ settings: { agentId, organizationId, url, privateKey, reconnect } }) {
    const given = { agentId, organizationId, url, privateKey, reconnect, logger: null };
    const watcher = new FleetWatcher(given);
    const show = () => {
      const agents = [...watcher.agents].map(([id, { status }]) => [id, status]);
      print({ event: "agents", agents: Object.fromEntries(agents) });
    };
    watcher.on("change", show);
    await watcher.start();
    show();
  },
  release: () => release?.(),
  stop: () => void agent.stop(),
  drain: () => void agent.drain(),
  health: () => agent.getConnectionHealth(),
  publish: async ({ subject, data }) => (await agent.publish(subject, data)).reached,
  request: ({ subject, data, timeout, retries, capability }) =>
    agent.request(subject, data, { timeout, retries, capability }),
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { call, id, ...parameters } = JSON.parse(line);
  try {
    print({ id, result: (await calls[call](parameters)) ?? null });
  } catch (error) {
    print({ id, error: error.name });
  }
});
