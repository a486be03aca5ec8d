/** What every entry of the SDK exports, whatever the platform. */

export type { AgentEvents, RunEnd } from "./agent-events";
export type { FailureKind } from "./backoff";
export * from "./errors";
export type { FleetChange } from "./fleet/book";
export type { WatcherOptions } from "./fleet/options";
export type { FleetEvents, FleetState } from "./fleet/watcher";
export type { ConnectionHealth, LastDisconnect } from "./health";
export {
  algorithmOf,
  type CryptoKey,
  type KeyAlgorithm,
  type PublicJwk,
  type PublicKey,
  publicKeyFromJwk,
  publicKeyOf,
  type SigningKey,
  signingKey,
} from "./keys";
export type { FailedAttempt } from "./link-port";
export type {
  DropReason,
  HandlerOptions,
  MessageContext,
  MessageHandler,
} from "./messaging/dispatcher";
export type { PublishOptions, RequestOptions } from "./messaging/messaging";
export type { AgentOptions, Logger, ReconnectOptions, ReconnectWindow } from "./options";
export { derivePresence, isPurged, type StatusRow } from "./presence";
export type { ProfileOptions } from "./profile";
export type {
  Activity,
  AgentPresence,
  AgentsMessage,
  DuplicatePolicy,
  Profile,
  Status,
  Transition,
  TransitionRecord,
} from "./protocol";
export type { HandshakeRefusal, OpenSocket, Runtime, Socket, SocketListener } from "./runtime";
export type { AgentState, Failure, StateChange, StateReason } from "./state";
export { matchesSubject } from "./subject";
export { type LoginTerms, signLoginToken } from "./token";
