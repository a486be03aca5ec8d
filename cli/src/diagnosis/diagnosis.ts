/** Says in words why an agent reads as it does, from all that is stored of it. */

import type { RegisteredAgent } from "@agent-heartbeat/sdk/registry";
import type {
  AgentPresence,
  MassExpiry,
  OfflineReason,
  StatusRow,
  TransitionRecord,
} from "@agent-heartbeat/sdk/status";
import { scheduleText } from "../agents/agent-view";
import { pastOf } from "../events/past";
import { activityText } from "../status/activity";
import { MASS_EXPIRY_ADVICE, massExpiryText } from "../status/mass-expiry";
import { ago, duration, moment, relative } from "../terminal/durations";

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
  const lastPing = `Its last ping arrived ${ago(lastHeartbeatAt, now)}.`;
  if (status === "online") {
    const works = activityText(agent, now);
    return {
      explanation: [
        `${agentId} is online since ${moment(since)} (${ago(since, now)}).`,
        lastPing,
        `Without another one, it is offline ${relative(leaseExpiresAt, now)}.`,
        ...(works ? [`It is ${works}.`] : []),
      ],
      advice: stalledSince ? ["Its run takes longer than allowed: check what it is doing."] : [],
    };
  }
  const reason = agent.reason ?? "lease_expired";
  const { what, advice } = reason === "lease_expired" ? MISSED_PING : REASONS[reason];
  const note = reason === "failed" && activity?.note ? [`It reported: ${activity.note}.`] : [];
  const enabledAgain = reason === "revoked" && registered?.enabled === true;
  return {
    explanation: [
      `${agentId} is offline since ${moment(since)} (${ago(since, now)}): ${what}`,
      ...note,
      lastPing,
    ],
    advice: enabledAgain
      ? ["It has been enabled again since: its next ping brings it back."]
      : advice,
  };
}

const MISSED_PING = {
  what: "no ping arrived in time.",
  advice: [
    "Check that its scheduler runs it, that it does not fail before the ping, and that it can reach its ping URL.",
  ],
};

function ofOnline({ agentId, now }: Facts, agent: AgentPresence): Diagnosis {
  const { lastHeartbeatAt, heartbeatIntervalMs, leaseExpiresAt, stalledSince } = agent;
  const activity = activityText(agent, now);
  const missed = Math.floor((now - lastHeartbeatAt) / heartbeatIntervalMs);
  return {
    explanation: [
      `${agentId} is online since ${moment(agent.since)} (${ago(agent.since, now)}).`,
      `It sends a heartbeat every ${duration(heartbeatIntervalMs)}; the last one arrived ${ago(lastHeartbeatAt, now)}.`,
      `Without another one, it is offline ${relative(leaseExpiresAt, now)}.`,
      connection(agent, now),
      ...(activity ? [`It is ${activity}.`] : []),
      ...(stalledSince ? [`Its work has made no progress since ${moment(stalledSince)}.`] : []),
      ...(agent.activity?.state === "draining"
        ? ["It takes no new messages, and leaves when its work is done."]
        : []),
    ],
    advice: [
      ...(missed > 0 ? [`It has missed ${missed} heartbeats: check its process.`] : []),
      ...(stalledSince ? ["It is connected, but stuck: check what it works on."] : []),
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
            ? `The table still stores it as online: ${massExpiryText(massExpiry, now)}`
            : "The table still stores it as online until the next sweep, but readers already see it as offline.",
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
        ? [MASS_EXPIRY_ADVICE]
        : enabledAgain
          ? ["It has been enabled again since: restart it."]
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
    advice: ["Check whether its process runs; if it does, it reconnects by itself."],
  },
  gateway_closed: {
    what: "API Gateway closed the connection, as it does after 10 idle minutes and after 2 hours, and the agent has not come back.",
    advice: ["Check whether its process runs, and whether `autoReconnect` is off."],
  },
  lease_expired: {
    what: "no heartbeat arrived within its lease, and its connection did not close.",
    advice: [
      "Its process hangs, its machine sleeps, or its network is down: check these. Its next heartbeat brings it back.",
    ],
  },
  drained: {
    what: "it finished its work and left.",
    advice: [],
  },
  failed: {
    what: "its run failed.",
    advice: ["Check the output of its run. The next successful run brings it back."],
  },
  revoked: {
    what: "it was disabled, or removed from the registry.",
    advice: [],
  },
};

function connection({ connectedAt, connectionId, instanceId }: AgentPresence, now: number): string {
  return `Its newest connection, ${connectionId} of process ${instanceId}, opened ${ago(connectedAt, now)}.`;
}

function ofAbsence({ organizationId, agentId, stored, registered }: Facts): Diagnosis {
  if (stored) {
    const explanation = `${agentId} of organization ${organizationId} has a status that readers hide: it was removed, or has been offline for longer than statuses are kept.`;
    return { explanation: [explanation], advice: [] };
  }
  const role = registered?.role ?? "agent";
  if (role === "job") {
    return {
      explanation: [
        `${agentId} of organization ${organizationId} has no status: it has never requested its ping URL, or not within the time that statuses are kept.`,
      ],
      advice: [],
    };
  }
  if (role !== "agent") {
    return { explanation: [`${agentId} has no status: a ${role} never has one.`], advice: [] };
  }
  return {
    explanation: [
      `${agentId} of organization ${organizationId} has no status: it never connected, or has been offline for longer than statuses are kept.`,
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
        "Register it with `agents register`, or check its name: `agents list` shows the registered agents.",
      ],
    };
  }
  if (registered.job) {
    const schedule = `It is a job: ${scheduleText(registered.job)}.`;
    return registered.enabled
      ? { explanation: [schedule], advice: [] }
      : {
          explanation: [schedule, "It is disabled."],
          advice: [`\`agents enable --agent ${agentId}\` enables it again.`],
        };
  }
  const keys = registered.publicKeys.map(
    ({ keyId, algorithm, addedAt }) => `${keyId} (${algorithm}, added ${ago(addedAt, now)})`,
  );
  const until = registered.expiresAt ? ` until ${moment(registered.expiresAt)}` : "";
  const explanation = [`It can log in with the key ${keys.join(" or ")}${until}.`];
  if (!registered.enabled) {
    const open = derived?.status === "online";
    return {
      explanation: [...explanation, "It is disabled."],
      advice: [
        open
          ? `It is still online: run \`agents disable --agent ${agentId}\` again.`
          : `\`agents enable --agent ${agentId}\` enables it again.`,
      ],
    };
  }
  const absent = derived === null && registered.role === "agent";
  return {
    explanation,
    advice: absent ? [`Start it with that key; it connects to ${webSocketUrl}.`] : [],
  };
}
