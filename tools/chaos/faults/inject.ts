/** Injects the planned faults, and ends them. */

import type { Stage } from "../stage/stage";
import { startAnother } from "./another-process";
import { lockOut } from "./lock-out";
import { pause } from "./pause";
import type { Fault } from "./plan";

/** Resolves when the fault is over. */
export async function inject(fault: Fault, stage: Stage): Promise<void> {
  const { recorder, database } = stage;
  const begin = (what: string) => recorder.fault(fault.kind, what);
  switch (fault.kind) {
    case "kill processes":
    case "stop processes":
    case "jump clocks":
      return injectIntoProcess(fault, stage);
    case "return of older processes":
    case "start duplicates":
      return startAnother(fault, stage);
    case "disable agents":
    case "remove agents":
    case "replace keys":
      return lockOut(fault, stage);
    case "freeze links":
    case "reset links":
    case "slow links":
      return injectIntoLinks(fault, stage);
    case "restart the gateway":
      begin(`down for ${fault.lastsMs} ms`);
      await stage.killGateway();
      await pause(fault.lastsMs);
      return stage.startGateway();
    case "restart the database":
      begin(`down for ${fault.lastsMs} ms`);
      await database.kill();
      await pause(fault.lastsMs);
      return database.revive();
    case "fill the disk": {
      const really = await database.fillDisk();
      begin(
        `${fault.lastsMs} ms, by ${really ? "the kernel's limit of a file's size" : "the proxy"}`,
      );
      await pause(fault.lastsMs);
      return database.emptyDisk();
    }
    case "fail functions": {
      const { function: functionName, share, when, lastsMs } = fault;
      begin(`${percent(share)} of ${functionName} ${when} it runs, ${lastsMs} ms`);
      stage.runtime.send({ do: "fail", functionName, share, when });
      await pause(lastsMs);
      return stage.runtime.send({ do: "heal", functionName });
    }
    case "end environments":
      begin(fault.function);
      return stage.runtime.send({ do: "end environment", functionName: fault.function });
    case "overlap sweeps":
      begin("two at once");
      stage.runtime.send({ do: "sweep" });
      return stage.runtime.send({ do: "sweep" });
    case "throttle the database":
      begin(`${percent(fault.share)} of its calls, ${fault.lastsMs} ms`);
      return forAWhile("throttledShare", fault.share, fault.lastsMs, stage);
    case "fail the database":
      begin(`${percent(fault.share)} of its calls, ${fault.lastsMs} ms`);
      return forAWhile("failedShare", fault.share, fault.lastsMs, stage);
    case "lose answers":
      begin(`to ${percent(fault.share)} of its writes, ${fault.lastsMs} ms`);
      return forAWhile("lostAnswersShare", fault.share, fault.lastsMs, stage);
    case "slow reads":
      begin(`by ${fault.delayMs} ms, ${fault.lastsMs} ms`);
      return forAWhile("readDelayMs", fault.delayMs, fault.lastsMs, stage);
  }
}

/** Makes the database fail in one way for a while. */
async function forAWhile(
  suffering: "throttledShare" | "failedShare" | "lostAnswersShare" | "readDelayMs",
  amount: number,
  lastsMs: number,
  { database }: Stage,
): Promise<void> {
  database.proxy.faults[suffering] = amount;
  await pause(lastsMs);
  database.proxy.faults[suffering] = 0;
}

type ProcessFault = Extract<Fault, { kind: "kill processes" | "stop processes" | "jump clocks" }>;

async function injectIntoProcess(fault: ProcessFault, stage: Stage): Promise<void> {
  const { recorder } = stage;
  const group = stage.processes.groups[fault.process];
  if (!group) throw new Error(`expected a process of this run, got ${fault.process}`);
  const who = `process ${fault.process + 1} of ${stage.processes.groups.length}`;
  if (fault.kind === "jump clocks") {
    recorder.fault(fault.kind, `${who}, ${fault.jumpMs} ms`);
    group.program?.channel.send({ do: "jump", ms: fault.jumpMs });
    // Their next login uses the new time.
    recorder.cut(group.agentIds);
    for (const agentId of group.agentIds) stage.link(agentId).reset();
    return;
  }
  recorder.fault(fault.kind, `${who}, ${fault.lastsMs} ms`);
  // Where the agents have another process, which is about to end, one of them may hold the row.
  const absent = group.rivals.haveGone ? group.agentIds : [];
  if (fault.kind === "kill processes") {
    recorder.cut(group.agentIds);
    // Its last handshakes may be let in while the next process connects.
    group.rivals.come(group.agentIds);
    await stage.processes.kill(group);
    group.rivals.go();
    const back = recorder.absent("killed", absent);
    await pause(fault.lastsMs);
    back();
    return stage.processes.start(group);
  }
  group.program?.process.signal("SIGSTOP");
  const back = recorder.absent("stopped", absent);
  await pause(fault.lastsMs);
  back();
  group.program?.process.signal("SIGCONT");
}

type LinkFault = Extract<Fault, { kind: "freeze links" | "reset links" | "slow links" }>;

async function injectIntoLinks(fault: LinkFault, stage: Stage): Promise<void> {
  const { recorder } = stage;
  const agentIds = fault.agents.map((index) => stage.agentIds[index] as string);
  const links = agentIds.map((agentId) => stage.link(agentId));
  const whose = `${links.length} agents`;
  switch (fault.kind) {
    case "reset links":
      recorder.fault(fault.kind, whose);
      recorder.cut(agentIds);
      for (const link of links) link.reset();
      return;
    case "slow links":
      recorder.fault(fault.kind, `${whose}, by ${fault.delayMs} ms, ${fault.lastsMs} ms`);
      recorder.evidence.longestDelayMs = Math.max(recorder.evidence.longestDelayMs, fault.delayMs);
      for (const link of links) link.delay(fault.delayMs);
      await pause(fault.lastsMs);
      for (const link of links) link.delay(0);
      return;
    case "freeze links": {
      recorder.fault(fault.kind, `${whose}, ${fault.lastsMs} ms`);
      for (const link of links) link.freeze();
      const back = recorder.absent("cut off", agentIds);
      await pause(fault.lastsMs);
      back();
      for (const link of links) link.thaw();
    }
  }
}

const percent = (share: number) => `${Math.round(share * 100)} %`;
