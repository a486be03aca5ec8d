/** Says in words why an agent reads as it does, from all that is stored of it. */

import type { RegisteredAgent } from "@agent-heartbeat/sdk/registry";
import type {
  AgentPresence,
  MassExpiry,
  OfflineReason,
  StatusRow,
  TransitionRecord,
} from "@agent-heartbeat/sdk/status";
import { activityText } from "./activity";
import { scheduleText } from "./agent-view";
import { ago, duration, moment, relative } from "./durations";
import { pastOf } from "./past";
import { SUSPICION_ADVICE, suspicionText } from "./suspicion";

/** All that is known of an agent at a moment. */
export interface Facts {
  organizationId: string;
  agentId: string;
  registered: RegisteredAgent | null;
  /** The row as stored, even if readers hide it. */
  stored: StatusRow | null;
  /** What readers show; null if there is nothing to show. */
  derived: AgentPresence | null;
  /** Its last transitions, newest first. */
  history: TransitionRecord[];
  /** What the service suspects of itself; null if nothing. */
  massExpiry: MassExpiry | null;
  /** Epoch milliseconds by the server's clock. */
  now: number;
  webSocketUrl: string;
}

export interface Diagnosis {
  /** Sentences that make one paragraph. */
  explanation: string[];
  /** What to do; empty if all is well. */
  advice: string[];
}

/** Why the agent reads as it does, and what to do about it. */
export function diagnose(facts: Facts): Diagnosis {
  const presence = facts.derived ? ofPresence(facts, facts.derived) : ofAbsence(facts);
  const past = pastOf(facts.history, facts.now);
  const registration = ofRegistration(facts);
  return {
    explanation: [...presence.explanation, ...past.explanation, ...registration.explanation],
    advice: [...presence.advice, ...past.advice, ...registration.advice],
  };
}

function ofPresence(facts: Facts, derived: AgentPresence): Diagnosis {
  if (facts.registered?.job) return ofJob(facts, derived);
  return derived.status === "online" ? ofOnline(facts, derived) : ofOffline(facts, derived);
}

/** A job has pings in place of heartbeats, and no connection. */
function ofJob({ agentId, now, registered }: Facts, agent: AgentPresence): Diagnosis {
  const { status, since, lastHeartbeatAt, leaseExpiresAt, stalledSince, activity } = agent;
  const heard = `Its last ping arrived ${ago(lastHeartbeatAt, now)}.`;
  if (status === "online") {
    const works = activityText(agent, now);
    return {
      explanation: [
        `${agentId} is online since ${moment(since)} (${ago(since, now)}).`,
        heard,
        `Without another it is offline ${relative(leaseExpiresAt, now)}.`,
        ...(works ? [`What it does: ${works}.`] : []),
      ],
      advice: stalledSince ? ["Its run takes longer than it may: look at what it does."] : [],
    };
  }
  const reason = agent.reason ?? "lease_expired";
  const { what, advice } = reason === "lease_expired" ? MISSED_PING : REASONS[reason];
  const note = reason === "failed" && activity?.note ? [`It told: ${activity.note}.`] : [];
  const enabledAgain = reason === "revoked" && registered?.enabled === true;
  return {
    explanation: [
      `${agentId} is offline since ${moment(since)} (${ago(since, now)}): ${what}`,
      ...note,
      heard,
    ],
    advice: enabledAgain
      ? ["It has been let in again since: its next ping brings it back."]
      : advice,
  };
}

const MISSED_PING = {
  what: "no ping arrived in time.",
  advice: [
    "Look whether its scheduler runs it, whether it fails before it tells, and whether it reaches its ping URL.",
  ],
};

function ofOnline({ agentId, now }: Facts, agent: AgentPresence): Diagnosis {
  const { lastHeartbeatAt, heartbeatIntervalMs, leaseExpiresAt, stalledSince } = agent;
  const activity = activityText(agent, now);
  const missed = Math.floor((now - lastHeartbeatAt) / heartbeatIntervalMs);
  return {
    explanation: [
      `${agentId} is online since ${moment(agent.since)} (${ago(agent.since, now)}).`,
      `It promised a heartbeat every ${duration(heartbeatIntervalMs)}; the last one arrived ${ago(lastHeartbeatAt, now)}.`,
      `Without another it is offline ${relative(leaseExpiresAt, now)}.`,
      connection(agent, now),
      ...(activity ? [`What it does: ${activity}.`] : []),
      ...(stalledSince ? [`Its work has not advanced since ${moment(stalledSince)}.`] : []),
      ...(agent.activity?.state === "draining"
        ? ["It takes no new messages, and leaves when its work is done."]
        : []),
    ],
    advice: [
      ...(missed > 0 ? [`It has missed ${missed} of its heartbeats: look at its process.`] : []),
      ...(stalledSince ? ["It is there, but stuck: look at what it works on."] : []),
    ],
  };
}

function ofOffline(facts: Facts, agent: AgentPresence): Diagnosis {
  const { agentId, now, stored, registered, massExpiry } = facts;
  const reason = agent.reason ?? "lease_expired";
  const lagging =
    stored?.status === "online"
      ? [
          massExpiry
            ? `The table still holds it as online: ${suspicionText(massExpiry, now)}`
            : "The table still holds it as online, which the next sweep corrects; no reader waits for that.",
        ]
      : [];
  const { what, advice } = REASONS[reason];
  const enabledAgain = reason === "revoked" && registered?.enabled === true;
  return {
    explanation: [
      `${agentId} is offline since ${moment(agent.since)} (${ago(agent.since, now)}): ${what}`,
      `Its last heartbeat arrived ${ago(agent.lastHeartbeatAt, now)}, for a lease of ${duration(agent.leaseMs)}.`,
      ...lagging,
      connection(agent, now),
    ],
    advice:
      massExpiry && lagging.length > 0
        ? [SUSPICION_ADVICE]
        : enabledAgain
          ? ["It has been let in again since: restart it."]
          : advice,
  };
}

const REASONS: Record<OfflineReason, { what: string; advice: string[] }> = {
  client_closed: {
    what: "it closed its connection itself.",
    advice: ["If it was not stopped on purpose, start it again."],
  },
  connection_lost: {
    what: "its connection broke without a close, as when a process is killed or a network fails.",
    advice: ["Look whether its process runs; if it does, it connects again by itself."],
  },
  gateway_closed: {
    what: "API Gateway ended the connection, as it does after 10 idle minutes and after 2 hours, and the agent has not come back.",
    advice: ["Look whether its process runs, and whether `autoReconnect` is off."],
  },
  lease_expired: {
    what: "no heartbeat arrived within its lease, and its connection did not close.",
    advice: [
      "Its process hangs, its machine sleeps, or its network is gone: look there. A heartbeat brings it back.",
    ],
  },
  drained: {
    what: "it finished its work and left.",
    advice: [],
  },
  failed: {
    what: "its run failed.",
    advice: ["Look at what its run printed. The next run that succeeds brings it back."],
  },
  revoked: {
    what: "it was disabled, or removed from the registry.",
    advice: [],
  },
};

function connection({ connectedAt, connectionId, instanceId }: AgentPresence, now: number): string {
  return `Its newest connection, ${connectionId} of instance ${instanceId}, was made ${ago(connectedAt, now)}.`;
}

function ofAbsence({ organizationId, agentId, stored, registered }: Facts): Diagnosis {
  if (stored) {
    const explanation = `${agentId} of organization ${organizationId} has a status that readers hide: it was removed, or has been gone for longer than statuses are kept.`;
    return { explanation: [explanation], advice: [] };
  }
  const role = registered?.role ?? "agent";
  if (role === "job") {
    return {
      explanation: [
        `${agentId} of organization ${organizationId} has no status: it has never requested its ping URL, or not for longer than statuses are kept.`,
      ],
      advice: [],
    };
  }
  if (role !== "agent") {
    return { explanation: [`${agentId} has no status: a ${role} never has one.`], advice: [] };
  }
  return {
    explanation: [
      `${agentId} of organization ${organizationId} has no status: it never connected, or has been gone for longer than statuses are kept.`,
    ],
    advice: [],
  };
}

function ofRegistration(facts: Facts): Diagnosis {
  const { registered, derived, agentId, now, webSocketUrl } = facts;
  if (!registered) {
    return {
      explanation: ["It is not registered, so it can't connect."],
      advice: [
        "Register it with `agents register`; `agents list` shows who is registered, if the name is mistyped.",
      ],
    };
  }
  if (registered.job) {
    const schedule = `It is a job: ${scheduleText(registered.job)}.`;
    return registered.enabled
      ? { explanation: [schedule], advice: [] }
      : {
          explanation: [schedule, "It is disabled."],
          advice: [`\`agents enable --agent ${agentId}\` lets it in again.`],
        };
  }
  const keys = registered.publicKeys.map(
    ({ keyId, algorithm, addedAt }) => `${keyId} (${algorithm}, added ${ago(addedAt, now)})`,
  );
  const until = registered.expiresAt ? ` until ${moment(registered.expiresAt)}` : "";
  const explanation = [`It may sign in with the key ${keys.join(" or ")}${until}.`];
  if (!registered.enabled) {
    const open = derived?.status === "online";
    return {
      explanation: [...explanation, "It is disabled."],
      advice: [
        open
          ? `It is online all the same: \`agents disable --agent ${agentId}\` again ends that.`
          : `\`agents enable --agent ${agentId}\` lets it in again.`,
      ],
    };
  }
  const absent = derived === null && registered.role === "agent";
  return {
    explanation,
    advice: absent ? [`Start it with that key; it connects to ${webSocketUrl}.`] : [],
  };
}
