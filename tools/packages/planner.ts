/** A planner that gives work to agents that are online, and workers that do it. */

import {
  COMMAND,
  expectNothingLeft,
  output,
  type Part,
  save,
  urlOf,
  withPrograms,
} from "./project";

const WORKER = `
  import { HeartbeatAgent } from "@agent-heartbeat/sdk";
  const [agentId, url] = process.argv.slice(2);
  const agent = new HeartbeatAgent({
    agentId, url, organizationId: "acme", privateKeyPath: \`.local/acme/\${agentId}.pem\`, capabilities: ["add"],
  });
  agent.onMessage("tasks.add", async (_, { a, b }) => ({ sum: a + b, by: agentId }));
  agent.on("state", ({ state }) => console.log(state));
  await agent.run();
`;

const PLANNER = `
  const { HeartbeatAgent } = require("@agent-heartbeat/sdk");
  const agent = new HeartbeatAgent({
    agentId: "planner", url: process.argv[2], organizationId: "acme", privateKeyPath: ".local/acme/planner.pem",
  });
  void (async () => {
    await agent.start();
    const { agents } = await agent.list();
    console.log("online:", agents.filter(({ status }) => status === "online").map(({ agentId }) => agentId).sort().join(" "));
    const { sum } = await agent.request("tasks.add", { a: 19, b: 23 });
    console.log("sum:", sum);
    await agent.stop();
  })();
`;

export const planner: Part = {
  packages: ["sdk", "local", "cli"],
  async run(project) {
    save(project, "worker.mjs", WORKER);
    save(project, "planner.cjs", PLANNER);
    await withPrograms(async (start) => {
      const agents = ["acme/planner", "acme/worker-1", "acme/worker-2"];
      const service = start(project, COMMAND, "local", "--port", "0", "--agent", ...agents);
      await service.prints("private key .local/acme/worker-2.pem");
      const url = urlOf(project);
      const workers = ["worker-1", "worker-2"].map((id) =>
        start(project, "node", "worker.mjs", id, url),
      );
      for (const worker of workers) await worker.prints("connected\n");
      const online = await output(project, COMMAND, "status", "--local", "-o", "acme");
      if (!online.includes("2 online")) {
        throw new Error(`expected that both workers are online, got:\n${online}`);
      }
      const said = await output(project, "node", "planner.cjs", url);
      if (!said.includes("online: planner worker-1 worker-2\nsum: 42\n")) {
        throw new Error(`expected both workers and their sum, got:\n${said}`);
      }
      for (const worker of workers) await worker.end("SIGTERM");
      await service.end();
    });
    expectNothingLeft(project);
  },
};
