import { describe, expect, it } from "@jest/globals";
import { Screen } from "../../../local/app/demo/screen";
import { Progress } from "../../../local/app/progress";
import { FakeClock } from "../../../testing/local-clock";

/** Moves up one line and erases it. */
const ERASE = "\u001b[1A\u001b[0J";

function shown(isTTY: boolean) {
  const clock = new FakeClock();
  let written = "";
  const write = (text: string) => {
    written += text;
  };
  const screen = new Screen({ isTTY, write });
  let end = (_: "well" | "badly") => {};
  const work = () =>
    new Promise<string>((resolve, reject) => {
      end = (how) => (how === "well" ? resolve("done") : reject(new Error("no luck")));
    });
  const step = new Progress(screen, clock).step("building", work);
  return { clock, step, end: (how: "well" | "badly") => end(how), written: () => written };
}

describe("the progress of a step", () => {
  it("is a line at once, and another one every five seconds, without a terminal", async () => {
    const { clock, step, end, written } = shown(false);
    expect(written()).toBe("building ...\n");
    clock.advance(11_000);
    end("well");
    expect(await step).toBe("done");
    clock.advance(60_000);
    expect(written()).toBe("building ...\nstill building, 5 s\nstill building, 10 s\n");
  });

  it("is an animated line on a terminal, and is removed when the step has ended", async () => {
    const { clock, step, end, written } = shown(true);
    expect(written()).toContain("building");
    clock.advance(2500);
    expect(written()).toContain("2.5 s");
    expect(written().split(ERASE)).toHaveLength(26);
    end("badly");
    await expect(step).rejects.toThrow("no luck");
    const after = written();
    expect(after.endsWith(ERASE)).toBe(true);
    clock.advance(60_000);
    expect(written()).toBe(after);
  });
});
