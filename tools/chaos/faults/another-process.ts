/** A second process of agents that have one: a newer one, or a duplicate that is to be refused. */

import type { AgentsProcess } from "../stage/group";
import type { Stage } from "../stage/stage";
import { pause, until } from "./pause";
import type { Fault } from "./plan";

/** How long an older process that returns may take to notice that there is a newer one, whatever other faults it has. */
const NOTICED_WITHIN_MS = 60_000;

type ProcessFault = Extract<Fault, { kind: "return of older processes" | "start duplicates" }>;

export async function startAnother(fault: ProcessFault, stage: Stage): Promise<void> {
  const { recorder } = stage;
  const group = stage.processes.groups[fault.process];
  const first = group?.program;
  if (!group || !first) return;
  const who = `process ${fault.process + 1} of ${stage.processes.groups.length}`;
  recorder.fault(fault.kind, `${who}, ${fault.lastsMs} ms`);
  if (fault.kind === "start duplicates") {
    group.rivals.come(group.agentIds);
    const duplicate = await stage.processes.startAnother(group, "reject");
    await pause(fault.lastsMs);
    // A duplicate is let in where another fault has cut off the first process for a lease.
    recorder.cut(group.agentIds);
    await duplicate.process.kill();
    duplicate.channel.close();
    stage.processes.rivalGone(group);
    return;
  }
  group.rivals.come(group.agentIds);
  first.process.signal("SIGSTOP");
  await stage.processes.start(group);
  await pause(fault.lastsMs);
  first.process.signal("SIGCONT");
  const newer = group.program;
  // Without the registered key, neither is accepted nor notified.
  const isRefused = (id: string) => stage.lockedOut.has(id) || stage.registrations.isRotated(id);
  // An older process may be accepted while no newer one is connected. Then the newer one has to end.
  const contested = () =>
    group.agentIds.filter(
      (id) => !first.superseded.has(id) && !newer?.superseded.has(id) && !isRefused(id),
    );
  await until(() => contested().length === 0, NOTICED_WITHIN_MS);
  // One of them may be refused all the while: it may not have reached the service.
  const since = stage.now() - stage.pace.leaseMs;
  const goesOn = (agentId: string, of: AgentsProcess | null) =>
    recorder.isAcked(agentId, of?.process.child.pid, since);
  recorder.evidence.notSuperseded.push(
    ...contested().filter((agentId) => goesOn(agentId, first) && goesOn(agentId, newer)),
  );
  recorder.cut(group.agentIds);
  await first.process.kill();
  first.channel.close();
  stage.processes.rivalGone(group);
}
