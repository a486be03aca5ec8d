/** Combines the findings of all checks, and decides whether the run passed. */

import type { Evidence } from "../evidence";
import { type Detection, findLateDetections } from "./detection";
import { type Finding, findFalseOfflines } from "./false-offlines";
import { findLeaks, type LeakFindings } from "./leaks";
import { checkTransitions, type TransitionFindings } from "./transitions";

export interface RunFindings extends TransitionFindings, LeakFindings {
  agents: number;
  looks: number;
  observedSeconds: number;
  falseOfflines: Finding[];
  late: Finding[];
  detections: Detection[];
  notBack: string[];
  faults: Map<string, number>;
  passed: boolean;
}

export function checkRun(evidence: Evidence): RunFindings {
  const online = findFalseOfflines(evidence);
  const offline = findLateDetections(evidence);
  const transitions = checkTransitions(evidence);
  const leaks = findLeaks(evidence);
  const { notBack } = evidence;
  const faults = new Map<string, number>();
  for (const { kind } of evidence.faults) faults.set(kind, (faults.get(kind) ?? 0) + 1);
  const wrong = [
    online.falseOfflines,
    offline.late,
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
    notBack,
    faults,
    passed: wrong.every((findings) => findings.length === 0),
  };
}
