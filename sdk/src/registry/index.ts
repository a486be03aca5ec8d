/** Entry point `@agent-heartbeat/sdk/registry`: who may connect, for operators and backends with AWS credentials. */

export type { Role } from "../protocol";
export {
  agentFromItem,
  agentRecordId,
  type KeyAlgorithm,
  nonceRecordId,
  type RegisteredAgent,
  type RegisteredKey,
} from "./record";
