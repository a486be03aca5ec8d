/** A client's connection as the fake service sees it. */

import type { Login } from "./login";

/** A message as a client sent it. */
export type SentMessage = { type: string } & Record<string, unknown>;

/** How a connection ended. */
export interface ConnectionClose {
  /** The WebSocket close code: 1005 for a close frame without one, 1006 for a connection that broke. */
  code: number;
  reason: string;
}

/** The service's end of a connection, over the network or in memory. */
export interface Transport {
  send(data: string | Uint8Array): void;
  /** With 1005 it sends a close frame without a code, with 1006 it breaks the connection. */
  close(code: number, reason: string): void;
}

/** Waits until there is something. */
export type Until = <T>(look: () => T | undefined | null | false, what: string) => Promise<T>;

/** One connection of a client, and all that came on it. */
export class FakeConnection {
  /** Every message of the client, in order. */
  readonly messages: SentMessage[] = [];
  /** The patterns that the client is subscribed to, each followed by a space and its group if it has one. */
  readonly subscriptions = new Set<string>();
  /** How it ended; null while it is open. */
  closed: ConnectionClose | null = null;
  /** Whether the fake answers the client's messages. */
  answers = true;
  /** Whether a newer process of the agent has taken over. */
  superseded = false;
  /** The longest frame received over the network, in bytes. The gateway accepts at most 32 KB. */
  longestFrame = 0;
  readonly #transport: Transport;
  readonly #until: Until;

  /** @internal */
  constructor(
    readonly connectionId: string,
    readonly login: Login,
    transport: Transport,
    until: Until,
  ) {
    this.#transport = transport;
    this.#until = until;
  }

  /** Whose connection it is. */
  get agentId(): string {
    return this.login.claims.sub ?? "";
  }

  /** The process that it is a connection of. */
  get instanceId(): string {
    return this.login.claims.instance_id ?? "";
  }

  /** Sends a message to the client; text and bytes go out as they are, whether or not they are a message. */
  send(message: object | string): void {
    if (this.closed) return;
    const asIs = typeof message === "string" || message instanceof Uint8Array;
    this.#transport.send(asIs ? message : JSON.stringify(message));
  }

  /**
   * Ends the connection.
   *
   * @param code 1005 for a close frame without a code, 1006 to break the connection
   */
  close(code = 1006, reason = ""): void {
    if (!this.closed) this.#transport.close(code, reason);
  }

  /** What the client sent of these types. */
  ofType(...types: string[]): SentMessage[] {
    return this.messages.filter(({ type }) => types.includes(type));
  }

  /** Message number `count` of a type, as soon as the client has sent it. */
  message(type: string, count = 1): Promise<SentMessage> {
    return this.#until(() => this.ofType(type)[count - 1], `${type} number ${count}`);
  }

  /** Resolves when the connection has ended. */
  ended(): Promise<ConnectionClose> {
    return this.#until(() => this.closed, "the end of the connection");
  }
}
