/**
 * Who may connect, for operators and backends with AWS credentials.
 *
 * @module @agent-heartbeat/sdk/registry
 */

export { AgentHeartbeatError, KeyError } from "../errors";
export type { KeyAlgorithm, PublicJwk, PublicKey } from "../keys";
export { ID_PATTERN, ROLES, type Role } from "../protocol";
export { InvalidArgumentError, InvalidCursorError } from "../status/errors";
export {
  AgentExistsError,
  ConcurrentChangeError,
  IncompleteChangeError,
  KeyExistsError,
  LastKeyError,
  RegistryError,
  TooManyKeysError,
  UnknownAgentError,
  UnknownKeyError,
} from "./errors";
export { publicKeyFrom } from "./public-key";
export {
  agentFromItem,
  agentRecordId,
  MASS_EXPIRY_RECORD,
  nonceRecordId,
  profileValue,
  type RegisteredAgent,
  type RegisteredKey,
  SWEEP_PARTITION,
} from "./record";
export type { AgentName } from "./record-store";
export {
  AgentRegistry,
  type AgentRegistryOptions,
  type KeyRotation,
  type RegisteredAgentPage,
  type Registration,
} from "./registry";
