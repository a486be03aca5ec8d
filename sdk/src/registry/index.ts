/**
 * Who may connect, for operators and backends with AWS credentials.
 *
 * @module @agent-heartbeat/sdk/registry
 */

export { ID_PATTERN } from "../../../core/agent-id";
export type { Enrolment } from "../../../core/enrolment";
export { type JobTerms, jobFault } from "../../../core/job";
export type { Profile } from "../../../core/presence";
export type { KeyAlgorithm, PublicJwk, PublicKey } from "../../../core/public-key";
export type { RegisteredAgent, RegisteredKey } from "../../../core/registry-record";
export { ROLES, type Role } from "../../../core/roles";
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
export type { AgentName } from "./record-updates";
export type {
  AgentRegistryOptions,
  JobRegistration,
  KeyRemoval,
  KeyRotation,
  RegisteredAgentPage,
  RegisteredJob,
  Registration,
} from "./registration";
export { AgentRegistry } from "./registry";
