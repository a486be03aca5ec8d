/** Locks agents out, sends them messages meanwhile, and restores their access. */

import type { LockOut } from "../evidence";
import type { Stage } from "../stage/stage";
import { pause } from "./pause";
import type { Fault } from "./plan";

type LockOutFault = Extract<Fault, { kind: "disable agents" | "remove agents" | "replace keys" }>;

const MESSAGE_EVERY_MS = 1000;

export async function lockOut(fault: LockOutFault, stage: Stage): Promise<void> {
  const { recorder, registrations, lockedOut } = stage;
  const rotates = fault.kind === "replace keys";
  // While the database is down, an earlier lock-out may take longer than planned.
  const agentIds = fault.agents
    .map((index) => stage.agentIds[index] as string)
    .filter((agentId) => !lockedOut.has(agentId))
    .filter((agentId) => !rotates || !registrations.isRotated(agentId));
  for (const agentId of agentIds) lockedOut.add(agentId);
  recorder.fault(fault.kind, `${agentIds.length} agents, ${fault.lastsMs} ms`);
  const { messages } = recorder.evidence;
  const lockOuts = await Promise.all(
    agentIds.map(async (agentId) => {
      const begunAt = stage.now();
      // What connects while the call is under way ends with it.
      recorder.cut([agentId]);
      if (fault.kind === "disable agents") await registrations.disable(agentId);
      else if (fault.kind === "remove agents") await registrations.remove(agentId);
      else await registrations.rotate(agentId);
      recorder.cut([agentId]);
      const until = Number.POSITIVE_INFINITY;
      const lockOut = { agentId, begunAt, from: stage.now(), until, how: fault.kind };
      recorder.evidence.lockOuts.push(lockOut);
      return lockOut;
    }),
  );
  const others = stage.agentIds.filter((agentId) => !lockedOut.has(agentId));
  for (let leftMs = fault.lastsMs; leftMs > 0; leftMs -= MESSAGE_EVERY_MS) {
    for (const agentId of agentIds) stage.deliver(agentId);
    for (const agentId of others.slice(0, agentIds.length)) stage.deliver(agentId);
    messages.admitted += Math.min(others.length, agentIds.length);
    await pause(Math.min(leftMs, MESSAGE_EVERY_MS));
  }
  await Promise.all(lockOuts.map((lockOut) => letIn(lockOut, fault, stage)));
}

async function letIn(lockOut: LockOut, { kind }: LockOutFault, stage: Stage): Promise<void> {
  const { registrations, lockedOut } = stage;
  const { agentId } = lockOut;
  lockOut.until = stage.now();
  if (kind === "disable agents") await registrations.enable(agentId);
  else if (kind === "remove agents") await registrations.register(agentId);
  else stage.handOverKey(agentId);
  lockedOut.delete(agentId);
}
