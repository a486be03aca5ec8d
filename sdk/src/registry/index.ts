/**
 * Who may connect, for operators and backends with AWS credentials.
 *
 * @module @agent-heartbeat/sdk/registry
 */

export type { Enrolment } from "../../../core/enrolment";
export { type JobTerms, jobFault } from "../../../core/job";
export { ID_PATTERN, type Profile, ROLES, type Role } from "../../../core/protocol";
export type { KeyAlgorithm, PublicJwk, PublicKey } from "../../../core/public-key";
export type { RegisteredAgent, RegisteredKey } from "../../../core/registry-record";
export { AgentHeartbeatError, KeyError } from "../errors";
export type { Clock } from "../status/dynamodb-clock";
export { InvalidArgumentError, InvalidCursorError } from "../status/errors";
export {
  type CreatedEnrolment,
  type EnrolmentName,
  EnrolmentRegistry,
  type EnrolmentTerms,
} from "./enrolments";
export {
  AgentExistsError,
  ConcurrentChangeError,
  IncompleteChangeError,
  KeyExistsError,
  LastKeyError,
  RegistryError,
  TooManyKeysError,
  UnknownAgentError,
  UnknownEnrolmentError,
  UnknownKeyError,
} from "./errors";
export { type PublicKeySource, publicKeyFrom } from "./public-key";
export type { AgentName } from "./record-store";
export {
  AgentRegistry,
  type AgentRegistryOptions,
  type JobRegistration,
  type KeyRemoval,
  type KeyRotation,
  type RegisteredAgentPage,
  type RegisteredJob,
  type Registration,
} from "./registry";
