/** What every entry of the SDK exports, whatever the platform. */

export type { DuplicatePolicy } from "../../core/login-claims";
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
} from "../../core/presence";
export type { AgentsMessage, ErrorCode, ListMessage } from "../../core/protocol";
export type { KeyAlgorithm, PublicJwk, PublicKey } from "../../core/public-key";
export { matchesSubject } from "../../core/subject";
export type { ListQuery } from "./agent";
export type { AgentEvents, RunEnd } from "./agent-events";
export type { FailureKind, ReconnectSchedule } from "./connection/backoff";
export type {
  ConnectionHealth,
  HttpFailure,
  HttpHealth,
  LastDisconnect,
} from "./connection/health";
export {
  algorithmOf,
  type CryptoKey,
  type PrivateJwk,
  publicKeyFromJwk,
  publicKeyOf,
  type SigningKey,
  signingKey,
} from "./connection/keys";
export type { FailedAttempt, LeaseRenewal } from "./connection/manager-port";
export type { StartOptions } from "./connection/start";
export type { AgentState, Failure, StateChange, StateReason } from "./connection/state";
export { type LoginTerms, signLoginToken } from "./connection/token";
export * from "./errors";
export type { FleetChange } from "./fleet/book";
export type { FleetEvents, FleetState } from "./fleet/events";
export type { WatcherOptions } from "./fleet/options";
export type {
  DropReason,
  HandlerOptions,
  MessageContext,
  MessageHandler,
} from "./messaging/dispatcher";
export type { PublishOptions, RequestOptions } from "./messaging/messaging";
export type { ProfileOptions } from "./messaging/profile";
export type { AgentOptions, Logger, PrivateKey, ReconnectOptions } from "./options";
export type {
  HandshakeRefusal,
  OpenSocket,
  Runtime,
  Socket,
  SocketListener,
} from "./platform/runtime";
