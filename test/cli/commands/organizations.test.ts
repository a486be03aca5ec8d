import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { localFolder, run } from "../../../testing/cli/run";
import { type Engine, startEngine } from "../../../testing/engine";

let engine: Engine;
let cwd: string;
beforeAll(async () => {
  engine = await startEngine();
  cwd = await localFolder(engine);
});
afterAll(() => engine.stop());

const list = (...args: string[]) => run(["organizations", "list", "--local", ...args], { cwd });

describe("organizations list", () => {
  it("counts the registered agents of every organization", async () => {
    expect((await list()).stdout).toBe("No organization has registered agents.\n");
    for (const [organizationId, agentId] of [
      ["one", "a"],
      ["two", "a"],
      ["two", "b"],
      ["gone", "a"],
    ]) {
      const key = ["--generate-key", `${organizationId}-${agentId}.pem`];
      const args = ["--local", "-o", `${organizationId}`, "--agent", `${agentId}`];
      expect((await run(["agents", "register", ...args, ...key], { cwd })).code).toBe(0);
    }
    await run(["agents", "remove", "--local", "-o", "gone", "--agent", "a", "--yes"], { cwd });
    expect(JSON.parse((await list("--json")).stdout)).toEqual([
      { organizationId: "one", registeredAgents: 1 },
      { organizationId: "two", registeredAgents: 2 },
    ]);
    expect((await list()).stdout).toMatch(/^organization +registered agents\none +1\ntwo +2\n$/);
  });
});
