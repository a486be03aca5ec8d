/** Combines the findings of all checks, and decides whether the run passed. */

import type { Evidence } from "../evidence";
import { type Detection, findLateDetections } from "./detection";
import { type Finding, findFalseOfflines } from "./false-offlines";
import { findLeaks, type LeakFindings } from "./leaks";
import { findLockOutFaults, type LockOutFindings } from "./lock-outs";
import { checkTransitions, type TransitionFindings } from "./transitions";

export interface RunFindings extends TransitionFindings, LeakFindings, LockOutFindings {
  agents: number;
  looks: number;
  observedSeconds: number;
  falseOfflines: Finding[];
  late: Finding[];
  detections: Detection[];
  notBack: string[];
  notSuperseded: string[];
  supersededByNobody: string[];
  /** Messages that the run sent to agents that were not locked out, and that agents received. */
  delivery: { sent: number; received: number };
  faults: Map<string, number>;
  passed: boolean;
}

export function checkRun(evidence: Evidence): RunFindings {
  const online = findFalseOfflines(evidence);
  const offline = findLateDetections(evidence);
  const transitions = checkTransitions(evidence);
  const leaks = findLeaks(evidence);
  const lockOuts = findLockOutFaults(evidence);
  const { notBack, notSuperseded, supersededByNobody } = evidence;
  const faults = new Map<string, number>();
  for (const { kind } of evidence.faults) faults.set(kind, (faults.get(kind) ?? 0) + 1);
  const wrong = [
    online.falseOfflines,
    offline.late,
    lockOuts.revokedOnline,
    lockOuts.revokedHeard,
    notSuperseded,
    supersededByNobody,
    transitions.lost,
    transitions.duplicated,
    transitions.disordered,
    leaks.sockets,
    leaks.rows,
    leaks.subscriptions,
    notBack,
  ];
  return {
    agents: evidence.agents.size,
    looks: evidence.looks.length,
    ...online,
    ...offline,
    ...transitions,
    ...leaks,
    ...lockOuts,
    notBack,
    notSuperseded,
    supersededByNobody,
    delivery: { sent: evidence.messages.admitted, received: evidence.heard.length },
    faults,
    passed: wrong.every((findings) => findings.length === 0),
  };
}
