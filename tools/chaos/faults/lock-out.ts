/** Locks agents out, sends them messages meanwhile, and lets them in again. */

import type { Stage } from "../stage/stage";
import { pause } from "./pause";
import type { Fault } from "./plan";

type LockOutFault = Extract<
  Fault,
  { kind: "disable agents" | "remove agents" | "rotate keys away" }
>;

const MESSAGE_EVERY_MS = 1000;

export async function lockOut(fault: LockOutFault, stage: Stage): Promise<void> {
  const { recorder, registrations } = stage;
  const chosen = fault.agents.map((index) => stage.agentIds[index] as string);
  const rotates = fault.kind === "rotate keys away";
  const agentIds = chosen.filter((agentId) => !rotates || !registrations.isRotated(agentId));
  recorder.fault(fault.kind, `${agentIds.length} agents, ${fault.lastsMs} ms`);
  const { lockOuts, messages } = recorder.evidence;
  await Promise.all(
    agentIds.map(async (agentId) => {
      // What connects while the call is under way ends with it.
      recorder.cut([agentId]);
      if (fault.kind === "disable agents") await registrations.disable(agentId);
      else if (fault.kind === "remove agents") await registrations.remove(agentId);
      else await registrations.rotate(agentId);
      recorder.cut([agentId]);
      const from = stage.now();
      lockOuts.push({ agentId, from, until: Number.POSITIVE_INFINITY, how: fault.kind });
    }),
  );
  const others = stage.agentIds.filter((agentId) => !agentIds.includes(agentId));
  for (let leftMs = fault.lastsMs; leftMs > 0; leftMs -= MESSAGE_EVERY_MS) {
    for (const agentId of agentIds) stage.deliver(agentId);
    for (const agentId of others.slice(0, agentIds.length)) stage.deliver(agentId);
    messages.lockedOut += agentIds.length;
    messages.admitted += Math.min(others.length, agentIds.length);
    await pause(Math.min(leftMs, MESSAGE_EVERY_MS));
  }
  await Promise.all(agentIds.map((agentId) => letIn(agentId, fault, stage)));
}

async function letIn(agentId: string, { kind }: LockOutFault, stage: Stage): Promise<void> {
  const { recorder, registrations } = stage;
  const until = stage.now();
  for (const lockOut of recorder.evidence.lockOuts) {
    if (lockOut.agentId === agentId) lockOut.until = Math.min(lockOut.until, until);
  }
  if (kind === "disable agents") return registrations.enable(agentId);
  if (kind === "remove agents") return registrations.register(agentId);
  const privateKey = registrations.privateKeyOf(agentId);
  const group = stage.groups.find(({ agentIds }) => agentIds.includes(agentId));
  group?.program?.channel.send({ do: "change key", agentId, privateKey });
}
