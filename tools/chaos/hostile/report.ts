/** The report of a run with a hostile tenant: the findings of a fault run, and times with and without the tenant. */

import { distributionOf } from "../../bench/section";
import { checkRun } from "../checker/check-run";
import { worstLag } from "../checker/detection";
import type { Evidence } from "../evidence";
import { type Report, reportOf } from "../report";
import { SWEEP_EVERY_MS, SWEEP_GRACE_MS } from "../run";
import type { Attack, HostileResult } from "./orders";
import type { HostileEvidence } from "./run";

interface Times {
  count: number;
  p50: number;
  p99: number;
}

export interface HostileReport {
  faults: Report;
  capacity: number;
  attack: Attack;
  hostile: HostileResult;
  /** From heartbeat to ack, in milliseconds. */
  acks: { calm: Times; hostile: Times };
  /** From a transition, other than one that the sweep found, to its event on the bus. */
  events: { calm: Times; hostile: Times };
  /** How late timers came at worst while the tenant was there. */
  lagMs: number;
  lateEvents: string[];
  passed: boolean;
}

/** What the undisturbed times may be multiplied by. */
const MOST_TIMES = 2;
/** A sweep finds an agent that fell silent, and the stream is read four times a second. */
const EVENT_WITHIN_MS = SWEEP_EVERY_MS + SWEEP_GRACE_MS + 3000;

export function hostileReportOf(run: HostileEvidence, seed: number): HostileReport {
  const { evidence, capacity, attack, hostile, calmFrom, hostileFrom, hostileUntil } = run;
  const acks = {
    calm: acksOf(evidence, calmFrom, hostileFrom),
    hostile: acksOf(evidence, hostileFrom, hostileUntil),
  };
  const events = {
    calm: eventsOf(evidence, calmFrom, hostileFrom),
    hostile: eventsOf(evidence, hostileFrom, hostileUntil),
  };
  const lagMs = worstLag(evidence.lags, hostileFrom, hostileUntil);
  const lateEvents = evidence.published
    .filter(({ at, publishedAt }) => at >= calmFrom && publishedAt - at > EVENT_WITHIN_MS + lagMs)
    .map(
      ({ agentId, status, at, publishedAt }) =>
        `${agentId}: ${status}, ${Math.round(publishedAt - at)} ms late`,
    );
  const faults = reportOf(checkRun(evidence), evidence, seed);
  const inTime = [acks, events].every(
    ({ calm, hostile }) =>
      hostile.p50 <= MOST_TIMES * calm.p50 + lagMs && hostile.p99 <= MOST_TIMES * calm.p99 + lagMs,
  );
  const passed = faults.passed && inTime && lateEvents.length === 0;
  return { faults, capacity, attack, hostile, acks, events, lagMs, lateEvents, passed };
}

function acksOf({ agents }: Evidence, from: number, until: number): Times {
  const heartbeats = [...agents.values()].flatMap(({ connections }) =>
    [...connections.values()].flatMap(({ heartbeats }) => heartbeats),
  );
  return timesOf(
    heartbeats
      .filter(({ sentAt }) => sentAt >= from && sentAt < until)
      .map(({ sentAt, ackedAt }) => ackedAt - sentAt),
  );
}

function eventsOf({ published }: Evidence, from: number, until: number): Times {
  return timesOf(
    published
      .filter(({ at, swept }) => !swept && at >= from && at < until)
      .map(({ at, publishedAt }) => publishedAt - at),
  );
}

/** @throws RangeError without values, which would prove nothing */
function timesOf(values: number[]): Times {
  const { p50, p99 } = distributionOf(values);
  return { count: values.length, p50: Math.round(p50), p99: Math.round(p99) };
}

export function hostileTable(report: HostileReport): [string, string][] {
  const { acks, events, attack, hostile, lateEvents, lagMs } = report;
  const perSecond = (value: number) => value.toFixed(1);
  const floods = Object.entries(attack.messages);
  const requests = Object.entries(attack.requests);
  const times = ({ count, p50, p99 }: Times) => `p50 ${p50}, p99 ${p99} ms (${count})`;
  return [
    ["capacity, measured", `${report.capacity} heartbeats a second`],
    [
      "attack, a second",
      [
        ...floods,
        ["logins", attack.logins] as const,
        ["forged logins", attack.forgedLogins] as const,
      ]
        .map(([kind, rate]) => `${perSecond(rate)} ${kind}`)
        .join(", "),
    ],
    ["  over HTTP", requests.map(([kind, rate]) => `${perSecond(rate)} ${kind}`).join(", ")],
    ["agents that fall silent at once", String(attack.silent)],
    [
      "sent by the hostile tenant",
      `${hostile.sent}; served ${hostile.served}, refused ${hostile.refused}, connections closed ${hostile.closed}`,
    ],
    ["from heartbeat to ack, undisturbed", times(acks.calm)],
    [`  beside it (at most ${MOST_TIMES} times)`, times(acks.hostile)],
    ["from transition to event, undisturbed", times(events.calm)],
    [`  beside it (at most ${MOST_TIMES} times)`, times(events.hostile)],
    ["timers late by, at worst", `${Math.round(lagMs)} ms`],
    ["late events", String(lateEvents.length)],
    ...lateEvents.slice(0, 10).map((text): [string, string] => ["", text]),
  ];
}
