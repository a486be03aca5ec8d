import { describe, expect, it } from "@jest/globals";
import { inject } from "../../../tools/chaos/faults/inject";
import { Recorder } from "../../../tools/chaos/stage/recorder";
import { Rivals } from "../../../tools/chaos/stage/rivals";
import type { Stage } from "../../../tools/chaos/stage/stage";

/** A run of one process of one agent, as far as faults of processes go. */
function running() {
  const recorder = new Recorder(
    () => 0,
    () => {},
  );
  recorder.expect(["a"], 6000);
  const group = {
    agentIds: ["a"],
    program: { process: { signal: () => {} } },
    rivals: new Rivals(),
  };
  const nothing = async () => {};
  const processes = { groups: [group], kill: nothing, start: nothing };
  const stage = { recorder, processes };
  return { recorder, group, stage: stage as unknown as Stage };
}

describe.each(["kill processes", "stop processes"] as const)("%s", (kind) => {
  const fault = { kind, process: 0, lastsMs: 1 };

  it("makes its agents absent", async () => {
    const { recorder, stage } = running();
    await inject(fault, stage);
    expect(recorder.agent("a").absences).toHaveLength(1);
  });

  it("does not, while they have another process", async () => {
    const { recorder, group, stage } = running();
    group.rivals.come(["a"]);
    await inject(fault, stage);
    expect(recorder.agent("a").absences).toEqual([]);
  });
});
