/**
 * Reads who is online from DynamoDB, for backends with AWS credentials.
 *
 * @module @agent-heartbeat/sdk/status
 */

export { boundedClient, type CallLimits, type ConnectionAgent } from "../../../core/aws-client";
export type { AgentTransition } from "../../../core/history-record";
export type {
  Activity,
  AgentPresence,
  MassExpiry,
  OfflineReason,
  OnlineCount,
  Profile,
  Status,
  Transition,
  TransitionEvent,
  TransitionRecord,
} from "../../../core/presence";
export type { PresenceRow, StatusRow } from "../../../core/status";
export { derivePresence, isPurged } from "../../../core/status";
export { rowFromItem } from "../../../core/status-row";
export { AgentHeartbeatError } from "../errors";
export type { Clock } from "./dynamodb-clock";
export { InvalidArgumentError, InvalidCursorError } from "./errors";
export { type AgentPage, StatusReader } from "./reader";
export type { ListAgentsOptions, StatusReaderOptions } from "./reader-options";
