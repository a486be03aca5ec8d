/** Test runners, which find packages by conditions of their own, and replace globals. */

import { output, save } from "../packages/project";
import { IMPORT, type Platform, REQUIRE, USED, useOf } from "./platform";

export const jest: Platform = {
  name: "jest",
  packages: ["jest@30", "jest-environment-jsdom@30"],
  async run(trial) {
    const { project } = trial;
    const use = useOf(trial, "jest", { heartbeatThread: true });
    save(
      project,
      "node.test.js",
      `/** @jest-environment node */\n${REQUIRE}${use}test("used", async () => expect(await use()).toBe("${USED}"));`,
    );
    // Jest's page has no Web Crypto, and so no keys: it can load the client and make an agent.
    save(
      project,
      "page.test.js",
      `/** @jest-environment jsdom */
const { HeartbeatAgent } = require("@agent-heartbeat/sdk");
const { FleetWatcher } = require("@agent-heartbeat/sdk/fleet");
test("loaded for pages", () => {
  expect(require.resolve("@agent-heartbeat/sdk")).toMatch(/browser\\.cjs$/);
  expect([typeof HeartbeatAgent, typeof FleetWatcher]).toEqual(["function", "function"]);
});`,
    );
    await output(project, "npx", "jest", "--ci");
    return ["environment node", "environment jsdom"];
  },
};

export const vitest: Platform = {
  name: "vitest",
  packages: ["vitest@4"],
  async run(trial) {
    const { project } = trial;
    for (const [kind, more] of Object.entries({ inline: {}, thread: { heartbeatThread: true } })) {
      save(
        project,
        `${kind}.test.mjs`,
        `${IMPORT}\nimport { expect, test } from "vitest";${useOf(trial, `vitest-${kind}`, more)}
test("used", async () => expect(await use()).toBe("${USED}"));`,
      );
    }
    const pools = ["threads", "forks"];
    for (const pool of pools) await output(project, "npx", "vitest", "run", `--pool=${pool}`);
    return pools.map((pool) => `pool ${pool}`);
  },
};
