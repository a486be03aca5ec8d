/**
 * Reads who is online from DynamoDB, for backends with AWS credentials.
 *
 * @module @agent-heartbeat/sdk/status
 */

export { AgentHeartbeatError } from "../errors";
export type { StatusRow } from "../presence";
export { derivePresence, isPurged } from "../presence";
export type {
  Activity,
  AgentPresence,
  MassExpiry,
  OfflineReason,
  Profile,
  Status,
  TransitionEvent,
  TransitionRecord,
} from "../protocol";
export type { Clock } from "./dynamodb-clock";
export { InvalidArgumentError, InvalidCursorError } from "./errors";
export {
  type AgentPage,
  type ListAgentsOptions,
  StatusReader,
  type StatusReaderOptions,
} from "./reader";
export type { AgentTransition } from "./registry-reads";
export { rowFromItem } from "./row";
