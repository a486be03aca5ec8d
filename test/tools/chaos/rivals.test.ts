import { describe, expect, it } from "@jest/globals";
import type { AgentsCommand } from "../../../tools/chaos/stage/agents-messages";
import { type Group, goOn, newGroup } from "../../../tools/chaos/stage/group";
import { Rivals } from "../../../tools/chaos/stage/rivals";

describe("the processes beside a group's own", () => {
  it("explain that an agent was superseded, however late it was notified", () => {
    const rivals = new Rivals();
    rivals.come(["a"]);
    rivals.go();
    expect([rivals.explain("a"), rivals.explain("b")]).toEqual([true, false]);
  });

  it("explain nothing about an agent that was restarted after they had gone", () => {
    const rivals = new Rivals();
    rivals.come(["a"]);
    rivals.come(["a"]);
    rivals.go();
    expect(rivals.haveGone).toBe(false);
    rivals.restarted("a");
    expect(rivals.explain("a")).toBe(true);
    rivals.go();
    expect(rivals.haveGone).toBe(true);
    rivals.restarted("a");
    expect(rivals.explain("a")).toBe(false);
  });
});

describe("an agent that was superseded", () => {
  const running = () => {
    const sent: AgentsCommand[] = [];
    const channel = { send: (command: AgentsCommand) => sent.push(command) };
    const program = { channel, superseded: new Set(["a"]) } as unknown as Group["program"];
    return { group: { ...newGroup(["a"]), program }, sent };
  };

  it("is restarted, even if it was notified after the other process had gone", () => {
    const { group, sent } = running();
    group.rivals.come(["a"]);
    expect(goOn(group, "a")).toBe(true);
    expect(sent).toEqual([]);
    group.rivals.go();
    expect(goOn(group, "a")).toBe(true);
    expect(sent).toEqual([{ do: "revive", agentId: "a" }]);
    expect(group.program?.superseded.size).toBe(0);
  });

  it("stays as it is if there was none, which is an error", () => {
    const { group, sent } = running();
    expect(goOn(group, "a")).toBe(false);
    expect(sent).toEqual([]);
  });
});
