/** Kills, stops and drains members of a group, of which at least half are always well. */

import { pause } from "../faults/pause";
import { untilBack, untilNone } from "../run";
import type { Group } from "../stage/group";
import type { Stage } from "../stage/stage";
import type { Disturbance } from "./evidence";
import type { PlannedDisturbance } from "./plan";

export class Disturber {
  readonly disturbances: Disturbance[] = [];
  readonly #disturbed = new Map<Group, Promise<void>>();

  constructor(
    readonly stage: Stage,
    private readonly random: () => number,
  ) {}

  /** Begins when half of the processes are well, one that is disturbed now included. */
  async begin(planned: PlannedDisturbance): Promise<void> {
    while (this.#disturbed.size >= Math.floor(this.stage.processes.groups.length / 2)) {
      await Promise.race(this.#disturbed.values());
    }
    const free = this.stage.processes.groups.filter((group) => !this.#disturbed.has(group));
    const group = free[Math.floor(this.random() * free.length)];
    if (!group) throw new Error("expected a process that nothing befalls");
    const over = this.#disturb(group, planned).finally(() => this.#disturbed.delete(group));
    over.catch((error: Error) => {
      this.stage.broken ??= `${planned.kind}: ${error.message}`;
    });
    this.#disturbed.set(group, over);
  }

  /** Resolves when all members are well again. */
  async over(): Promise<void> {
    await Promise.all(this.#disturbed.values());
  }

  async #disturb(group: Group, { kind, leases }: PlannedDisturbance): Promise<void> {
    const { stage } = this;
    const { recorder, pace } = stage;
    const lastsMs = Math.round(leases * pace.leaseMs);
    // Of a drain, some of the process's agents.
    const some = group.agentIds.filter((_, index) => index === 0 || this.random() < 0.5);
    const agentIds = kind === "drained" ? some : group.agentIds;
    recorder.report(
      `${agentIds.length} members are ${kind}${lastsMs > 0 ? `, ${lastsMs} ms` : ""}`,
    );
    const disturbance: Disturbance = {
      kind,
      agentIds,
      from: stage.now(),
      until: Number.POSITIVE_INFINITY,
    };
    this.disturbances.push(disturbance);
    if (kind === "killed") {
      // Its last handshakes may be let in while the next process connects.
      group.rivals.come(agentIds);
      await stage.processes.kill(group);
      group.rivals.go();
      await pause(lastsMs);
      await stage.processes.start(group);
    } else if (kind === "stopped") {
      group.program?.process.signal("SIGSTOP");
      await pause(lastsMs);
      group.program?.process.signal("SIGCONT");
    } else {
      group.program?.channel.send({ do: "drain", agentIds });
      await untilNone(
        stage,
        () => agentIds.filter((id) => !this.#hasDrained(id, disturbance)).length,
      );
    }
    const missing = await untilBack(stage, agentIds, stage.now());
    if (missing.length > 0) throw new Error(`${missing.join(", ")} did not come back`);
    disturbance.until = stage.now();
  }

  #hasDrained(agentId: string, { from }: Disturbance): boolean {
    return (this.stage.recorder.drainedAt.get(agentId) ?? 0) > from;
  }
}
