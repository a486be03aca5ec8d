/** The evidence of a run of a group: what was sent, which answers senders received, what members handled, and which faults members had. */

/** Members handle messages on the subjects below this token, as a group of this name. */
export const TASKS = "tasks";
export const GROUP = "workers";
/** Every second member has this capability, so that some of every process do. */
export const CAPABILITY = "tasks";

/** The members that have the capability. */
export const capableOf = (agentIds: readonly string[]): string[] =>
  agentIds.filter((_, index) => index % 2 === 0);

/** What a message is to say. */
export interface Task {
  /** Its number, the same for every attempt. */
  task: number;
  /** How long its handler takes. */
  workMs: number;
}

/** What a handler answers. */
export interface TaskAnswer {
  by: string;
  attempt: number | null;
}

/** The final result that the sender of a message received. */
export type Outcome =
  /** A request was answered, by a handler. */
  | ({ what: "answered" } & TaskAnswer)
  /** A message that is no request was confirmed. */
  | { what: "published"; reached: number }
  /** It received an error: its message failed. */
  | { what: "failed"; code: string; message: string };

export interface SentTask {
  task: number;
  isRequest: boolean;
  /** Whether it was sent to the capability, instead of to the group. */
  toCapability: boolean;
  sentAt: number;
  /** Infinite while its sender waits. */
  endedAt: number;
  /** How often the service confirmed that the message reached nobody. A post that took too long may have arrived nevertheless. */
  unreached: number;
  /** Null while its sender waits. */
  outcome: Outcome | null;
}

/** A member has begun to handle a message. */
export interface Handling {
  agentId: string;
  task: number;
  messageId: string;
  /** Null for what is no request. */
  attempt: number | null;
  at: number;
}

export const DISTURBANCES = ["killed", "stopped", "drained"] as const;
export type DisturbanceKind = (typeof DISTURBANCES)[number];

/** What befell some members, from before it was done until all of them were back. */
export interface Disturbance {
  kind: DisturbanceKind;
  agentIds: string[];
  from: number;
  until: number;
}

/** The service has published that a member went offline, whether something befell it, or it had no time for its heartbeats. */
export interface Loss {
  agentId: string;
  at: number;
}

export interface GroupEvidence {
  members: number;
  /** The members that have the capability. */
  capable: string[];
  sent: SentTask[];
  handled: Handling[];
  disturbances: Disturbance[];
  losses: Loss[];
}
