/** Every error of the SDK, under one root, so that callers can distinguish them from their own errors. */

import type { ErrorCode } from "../../core/protocol";

/** The root of all errors that the SDK throws or reports. */
export class AgentHeartbeatError extends Error {
  override name = "AgentHeartbeatError";
}

/** An option is missing, of the wrong type or out of range. Thrown by constructors. */
export class ConfigurationError extends AgentHeartbeatError {
  override name = "ConfigurationError";
}

/** A private key can't be read or is of a type that the service does not accept. */
export class KeyError extends AgentHeartbeatError {
  override name = "KeyError";
}

/** There is no connection, or it has ended: never opened, closed, broken, or silent for too long. */
export class ConnectionError extends AgentHeartbeatError {
  override name = "ConnectionError";

  constructor(
    message: string,
    /** The WebSocket close code, if there was one. */
    readonly code?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The server refused a login: the handshake of a WebSocket, or a heartbeat over HTTP. */
export class LoginRefusedError extends ConnectionError {
  override name = "LoginRefusedError";

  constructor(
    message: string,
    /** The HTTP status: 401 or 403 for a refused login, 409 for a duplicate. */
    readonly status: number,
    options?: ErrorOptions,
  ) {
    super(message, undefined, options);
  }
}

/** `start()` was aborted before there was a connection. The message lists what was tried. */
export class StartAbortedError extends ConnectionError {
  override name = "StartAbortedError";

  constructor(
    message: string,
    /** Why attempts to connect failed, and how often; the newest last. */
    readonly answers: readonly { message: string; times: number }[],
    options?: ErrorOptions,
  ) {
    super(message, undefined, options);
  }
}

/** The server answered a request with an `error`. */
export class RequestRefusedError extends AgentHeartbeatError {
  override name = "RequestRefusedError";

  constructor(
    readonly code: ErrorCode | (string & {}),
    message: string,
  ) {
    super(message);
  }
}

/** No reply to a request arrived in time. */
export class RequestTimeoutError extends AgentHeartbeatError {
  override name = "RequestTimeoutError";

  constructor(
    message: string,
    /** Whether the message was sent, and so may have been handled. If not, it never will be. */
    readonly sent: boolean = true,
  ) {
    super(sent ? message : `${message}; not sent`);
  }
}

/** A subject or pattern is invalid. */
export class SubjectError extends AgentHeartbeatError {
  override name = "SubjectError";
}

/** A message can't be sent: it is too large or not JSON, or too many messages wait to be sent. */
export class MessageError extends AgentHeartbeatError {
  override name = "MessageError";
}

/** A request reached no receiver. */
export class NoReceiverError extends AgentHeartbeatError {
  override name = "NoReceiverError";
}

/** The receiver of a request answered with an error. */
export class RemoteError extends AgentHeartbeatError {
  override name = "RemoteError";

  constructor(
    /**
     * `handler_failed`; `no_handler`; `unavailable`: the agent ends, or has too much to do; `receiver_lost`: the only receiver of the
     * request went offline before it answered.
     */
    readonly code: string,
    /** The agent that answered, or `service`. */
    readonly from: string,
    message: string,
  ) {
    super(message);
  }
}
