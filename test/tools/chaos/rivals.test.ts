import { describe, expect, it } from "@jest/globals";
import { Rivals } from "../../../tools/chaos/stage/rivals";

describe("the processes beside a group's own", () => {
  it("explain that an agent was told of a newer one, however late it is told", () => {
    const rivals = new Rivals();
    rivals.come(["a"]);
    rivals.go();
    expect([rivals.explain("a"), rivals.explain("b")]).toEqual([true, false]);
  });

  it("explain nothing that befalls an agent that was started anew when they had gone", () => {
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
