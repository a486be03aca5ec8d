/** A run of a group: its members are killed, stopped and drained while messages are sent to it. */

import pLimit from "p-limit";
import { seededRandom } from "../../../testing/random";
import { capacityText, FLEET_SHARE, measureCapacity, paceFor } from "../capacity";
import { come, SWEEP_EVERY_MS, untilNone } from "../run";
import { Stage } from "../stage/stage";
import { Disturber } from "./disturb";
import { capableOf, type GroupEvidence } from "./evidence";
import { planOf } from "./plan";
import { Requesters } from "./requesters";

export interface GroupRunOptions {
  messages: number;
  members: number;
  seed: number;
  /** A Python for the members of every second process. @default - none */
  python?: string;
  /** Called with a line for each action. */
  report(line: string): void;
}

const PER_PROCESS = 5;
const LEAST_PROCESSES = 4;
/** Messages under way at once: an eighth of a second of the capacity, each being several calls of functions. */
const OUTSTANDING_SECONDS = 1 / 8;
const LEAST_OUTSTANDING = 2;
const MOST_OUTSTANDING = 48;

/** @throws Error if something broke that the run does not break */
export async function runGroup(options: GroupRunOptions): Promise<GroupEvidence> {
  const { messages, members, seed, python, report } = options;
  const stage = await Stage.open({ seed, handlesTasks: true, report, ...(python && { python }) });
  let sweeping: NodeJS.Timeout | undefined;
  let requesters: Requesters | undefined;
  try {
    const capacity = await measureCapacity(stage);
    const pace = paceFor(capacity, FLEET_SHARE, members);
    const processes = Math.max(LEAST_PROCESSES, Math.ceil(members / PER_PROCESS));
    await stage.enrol(members, processes, pace);
    report(
      `${capacityText(capacity)}; ${members} members in ${processes} processes, a heartbeat every ${pace.options.heartbeatInterval} s`,
    );
    await come(stage);
    sweeping = setInterval(() => stage.runtime.send({ do: "sweep" }), SWEEP_EVERY_MS);
    const random = seededRandom(seed);
    requesters = await Requesters.start(stage, random);
    const disturber = new Disturber(stage, random);
    const share = Math.round(capacity.heartbeats * OUTSTANDING_SECONDS);
    const outstanding = Math.min(MOST_OUTSTANDING, Math.max(LEAST_OUTSTANDING, share));
    report(`${messages} messages, ${outstanding} at once`);
    await sendAll(messages, outstanding, requesters, disturber, random);
    await leave(stage);
    if (stage.broken !== undefined) throw new Error(stage.broken);
    for (const [problem, count] of stage.recorder.problems) report(`${count} times: ${problem}`);
    const { evidence, handled } = stage.recorder;
    const losses = evidence.published.filter(({ status }) => status === "offline");
    return {
      members,
      capable: stage.processes.groups.flatMap(({ agentIds }) => capableOf(agentIds)),
      sent: requesters.sent,
      handled,
      disturbances: disturber.disturbances,
      losses,
    };
  } finally {
    clearInterval(sweeping);
    await requesters?.stop();
    await stage.close();
  }
}

/** Sends all messages. Waits for each as long as others end. */
async function sendAll(
  messages: number,
  outstanding: number,
  requesters: Requesters,
  disturber: Disturber,
  random: () => number,
): Promise<void> {
  const { stage } = disturber;
  const plan = planOf(messages, random);
  const due = [...plan.disturbances];
  let begun = 0;
  let open = 0;
  // One after the other, so that none overtakes a disturbance.
  const turn = pLimit(1);
  const next = () =>
    turn(async () => {
      if (begun === messages || stage.broken !== undefined) return undefined;
      while (due[0] && due[0].beforeTask <= begun) await disturber.begin(due.shift() as never);
      if (begun === plan.calmFrom) {
        await disturber.over();
        stage.recorder.report("all members are well again");
      }
      begun += 1;
      open += 1;
      return { over: requesters.send().finally(() => open--) };
    });
  const lanes = Array.from({ length: outstanding }, async () => {
    for (let sent = await next(); sent; sent = await next()) await sent.over;
  });
  void Promise.all(lanes);
  await untilNone(stage, () => messages - begun + open);
}

/** Every member ends with a drain: it has handled all that it got, and its process has reported it. */
async function leave(stage: Stage): Promise<void> {
  let processes = stage.processes.groups.length;
  for (const { program, left } of stage.processes.groups) {
    program?.channel.send({ do: "leave", drain: true });
    void left.promise.then(() => processes--);
  }
  await untilNone(stage, () => processes);
}
