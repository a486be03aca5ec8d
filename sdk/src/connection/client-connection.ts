/** A client's connection, from its start to its end: its manager, the key that it logs in with, and what is asked on it. */

import type { Activity } from "../../../core/presence";
import { type ReplyTo, type Request, Requests } from "../messaging/requests";
import type { ResolvedOptions } from "../options";
import type { AgentEnvironment } from "../platform/agent-environment";
import { notConnected } from "./connection";
import type { ManagerEvent, ManagerPort } from "./manager-port";
import { ConnectAttempts } from "./start";
import { isFinal } from "./state";

export class ClientConnection {
  /** Null until it is opened. */
  manager: ManagerPort | null = null;
  readonly attempts: ConnectAttempts;
  readonly #requests: Requests;
  #ended = false;

  /** @param onEvent called with the manager's events, except replies to requests */
  constructor(
    private readonly options: Pick<ResolvedOptions, "managerOptions" | "requestTimeoutMs">,
    private readonly environment: Pick<AgentEnvironment, "runtime" | "key" | "createManager">,
    private readonly onEvent: (event: ManagerEvent) => void,
  ) {
    this.attempts = new ConnectAttempts(options.managerOptions, environment.key);
    this.#requests = new Requests(environment.runtime);
  }

  /**
   * Loads the key, unless a function gives it, which may fail for a while: only logins wait for that.
   *
   * @throws KeyError if the private key is unusable.
   */
  async prepare(): Promise<void> {
    if (!this.environment.key.isFunction) await this.attempts.load();
  }

  /** Makes the manager, for the caller to start. */
  open(patterns: readonly string[]): ManagerPort {
    const options = { ...this.options.managerOptions, loadKey: () => this.attempts.load() };
    this.manager = this.environment.createManager(options, (event) => this.#onEvent(event));
    this.manager.setSubscriptions(patterns);
    return this.manager;
  }

  setSubscriptions(patterns: readonly string[]): void {
    this.manager?.setSubscriptions(patterns);
  }

  setActivity(activity: Activity): void {
    this.manager?.setActivity(activity);
  }

  /**
   * Sends a message and waits for its reply.
   *
   * @throws ConnectionError if there is no connection.
   * @throws RequestRefusedError if the server refuses.
   * @throws RequestTimeoutError if no reply comes.
   */
  request<Message extends Request>(
    message: Message,
    timeoutMs: number = this.options.requestTimeoutMs,
  ): Promise<ReplyTo<Message>> {
    const { manager } = this;
    if (!manager || this.#ended) return Promise.reject(this.#notConnected());
    return this.#requests.request(message, timeoutMs, (request) => manager.send(request));
  }

  #onEvent(event: ManagerEvent): void {
    if (event.type === "failed") this.attempts.note(event.failedAttempt.failure);
    if (event.type === "message" && this.#requests.settle(event.message)) return;
    if (event.type === "unsent") this.#requests.fail(this.#notConnected(), event.message.id);
    if (event.type === "state") this.#ended = isFinal(event.change.state);
    if (event.type === "broken" || this.#ended) this.#requests.fail(this.#notConnected());
    this.onEvent(event);
  }

  #notConnected() {
    return notConnected(this.options.managerOptions.login.agentId);
  }
}
