/**
 * A service in the test's own process, and an agent for tests of handlers alone.
 *
 * @module @agent-heartbeat/sdk/testing
 */

export { FakeAgent, type FakeAgentOptions, fakeAgent } from "./agent";
export { type ConnectionClose, FakeConnection, type SentMessage } from "./connection";
export type { Refusal } from "./doors";
export type { HttpRequest } from "./http-heartbeats";
export type { Login } from "./login";
export { fakePresence, fakeTransition } from "./presence";
export { type FakeMessage, type FakeReceiver, RemoteAgent } from "./remote-agent";
export type { Published } from "./replies";
export { FakeService, startFakeService } from "./service";
export type {
  AnswerMessage,
  FakeClientOptions,
  FakeServiceOptions,
  Refuse,
  RefuseHttp,
} from "./service-options";
