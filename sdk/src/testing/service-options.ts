/** The options of the fake service, and of its clients. */

import type { Logger, PublicKey, Runtime } from "@agent-heartbeat/sdk";
import type { Role } from "@agent-heartbeat/sdk/protocol";
import type { FakeConnection, SentMessage } from "./connection";
import type { Refusal } from "./doors";
import type { HttpRequest } from "./http-heartbeats";
import type { Login } from "./login";

/** Options of `startFakeService()`. */
export interface FakeServiceOptions {
  /** The organization of all clients. @default "acme" */
  organizationId?: string | undefined;
  /** Registered keys: a login that is signed with another key is refused with 403. @default - every login is accepted */
  keys?: readonly PublicKey[] | undefined;
  /** The roles of clients by id. @default - all are agents */
  roles?: Readonly<Record<string, Role>> | undefined;
  /** The service's clock, in epoch milliseconds. @default Date.now */
  now?: (() => number) | undefined;
  /** From 0 to below 1: draws the members of groups. @default Math.random */
  random?: (() => number) | undefined;
  /** Aborts every wait for a client. @default - waits have no timeout */
  signal?: AbortSignal | undefined;
}

/** Options for a client of the fake service. */
export interface FakeClientOptions {
  agentId: string;
  organizationId: string;
  url: string;
  privateKey: string;
  /** In seconds, the longest: tokens are signed in real time, while fake timers may be a minute ahead at once. */
  connectTimeout: number;
  logger: Logger | null;
  runtime: Partial<Runtime>;
}

/** Decides about a handshake, which is the service's number `attempt`. */
export type Refuse = (login: Login, attempt: number) => Refusal | undefined;

/** Decides about a request over HTTP, which is the service's number `attempt`. The status 0 leaves it without an answer. */
export type RefuseHttp = (request: HttpRequest, attempt: number) => Refusal | undefined;

/**
 * Answers a message in place of the fake: an object is sent, null sends nothing, and undefined leaves the answer to the
 * fake.
 */
export type AnswerMessage = (
  message: SentMessage,
  connection: FakeConnection,
) => object | null | undefined;
