/** Brings the parts of the judgement together, and says whether the run passes. */

import type { Evidence } from "../evidence";
import { type Detection, judgeOffline } from "./detection";
import { type Finding, judgeOnline } from "./false-offlines";
import { judgeLeaks, type LeakJudgement } from "./leaks";
import { judgeTelling, type TellingJudgement } from "./transitions";

export interface RunFindings extends TellingJudgement, LeakJudgement {
  agents: number;
  looks: number;
  judgedSeconds: number;
  falseOfflines: Finding[];
  late: Finding[];
  detections: Detection[];
  notBack: string[];
  faults: Map<string, number>;
  passed: boolean;
}

export function judge(evidence: Evidence): RunFindings {
  const online = judgeOnline(evidence);
  const offline = judgeOffline(evidence);
  const telling = judgeTelling(evidence);
  const leaks = judgeLeaks(evidence);
  const { notBack } = evidence;
  const faults = new Map<string, number>();
  for (const { kind } of evidence.faults) faults.set(kind, (faults.get(kind) ?? 0) + 1);
  const wrong = [
    online.falseOfflines,
    offline.late,
    telling.lost,
    telling.duplicated,
    telling.disordered,
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
    ...telling,
    ...leaks,
    notBack,
    faults,
    passed: wrong.every((findings) => findings.length === 0),
  };
}
