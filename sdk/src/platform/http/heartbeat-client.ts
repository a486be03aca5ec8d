/** Heartbeats without a WebSocket, for scripts and functions. */

import type { Activity } from "../../../../core/presence";
import type { HeartbeatAckMessage } from "../../../../core/protocol";
import { checkId, invalid, millis } from "../../checks";
import { failureOf } from "../../connection/failure";
import type { KeySource } from "../../connection/key-source";
import { AgentHeartbeatError, ConnectionError, LoginRefusedError } from "../../errors";
import type { NodeAgentOptions } from "../../node-options";
import { heartbeatTerms } from "../../options";
import { describe } from "../../user-code";
import type { HttpAnswer } from "../http-request";
import { type KeyOptions, nodeKey } from "../node-key";
import { nodeRuntime } from "../node-runtime";
import { expectNames } from "../strict-names";
import { checkedHttpUrl, givenHttpUrl } from "./http-url";
import { ackIn, LeaseRequests, type RequestLimits } from "./lease-requests";

/** Options of `HttpHeartbeatClient`. Durations are in seconds. */
export interface HttpHeartbeatClientOptions
  extends KeyOptions,
    Pick<NodeAgentOptions, "heartbeatInterval" | "heartbeatTimeoutMultiplier" | "onDuplicate"> {
  /** How long a request may take: 1 to 60. @default 15 */
  requestTimeout?: number | undefined;
}

/** Options of `leave()`. */
export interface LeaveOptions {
  /** Why readers see the agent as offline. @default "client_closed" */
  reason?: "client_closed" | "drained" | undefined;
}

const OPTIONS: Record<keyof HttpHeartbeatClientOptions, true> = {
  agentId: true,
  organizationId: true,
  httpUrl: true,
  privateKey: true,
  privateKeyPath: true,
  passphrase: true,
  keyId: true,
  enrolmentToken: true,
  awsIdentity: true,
  agent: true,
  heartbeatInterval: true,
  heartbeatTimeoutMultiplier: true,
  onDuplicate: true,
  requestTimeout: true,
};

/**
 * Sends heartbeats of an agent, one request for each. There is nothing to open or to close, and no timer: the
 * agent is online until its lease ends (`heartbeatInterval` x `heartbeatTimeoutMultiplier` after the last heartbeat) or it
 * leaves. It receives no messages.
 *
 * An object of this class is one process of the agent: of two, the newer takes over.
 */
export class HttpHeartbeatClient {
  readonly agentId: string;
  readonly organizationId: string;
  /** Identifies this process among all processes of the agent. */
  readonly instanceId: string = crypto.randomUUID();
  readonly #key: KeySource;
  readonly #requests: LeaseRequests;
  readonly #limits: RequestLimits;
  /** A key serves again although its source fails. A script need not know, unless the heartbeat is refused. */
  #warning = "";
  /** Of two requests at once, the later token could be the first to arrive. */
  #last: Promise<unknown> = Promise.resolve();

  /** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
  constructor(options: HttpHeartbeatClientOptions) {
    expectNames("option ", options, OPTIONS);
    const { agentId, organizationId, onDuplicate = "replace", agent } = options;
    checkId("agentId", agentId);
    checkId("organizationId", organizationId);
    if (onDuplicate !== "replace" && onDuplicate !== "reject") {
      throw invalid("onDuplicate", '"replace" or "reject"', onDuplicate);
    }
    const httpUrl = checkedHttpUrl(givenHttpUrl(options.httpUrl), "HttpHeartbeatClient");
    const { intervalMs, timeoutMultiplier } = heartbeatTerms(options);
    const timeoutMs = millis("requestTimeout", options.requestTimeout ?? 15, 1, 60);
    this.agentId = agentId;
    this.organizationId = organizationId;
    this.#key = nodeKey(options, nodeRuntime, timeoutMs, (warning) => {
      this.#warning = warning;
    });
    this.#limits = { timeoutMs };
    const login = {
      agentId,
      organizationId,
      audience: "",
      heartbeatInterval: intervalMs / 1000,
      heartbeatTimeout: (intervalMs / 1000) * timeoutMultiplier,
      instanceId: this.instanceId,
      onDuplicate,
    };
    const loadKey = () => this.#key.load();
    this.#requests = new LeaseRequests({ httpUrl, login, loadKey, agent }, nodeRuntime);
  }

  /**
   * Renews the lease: the agent is online from now on, until `leaseExpiresAt`. Calls are sent one after the other.
   *
   * @param activity what the agent is doing. Without it, readers see none
   * @throws LoginRefusedError if the service refuses: `status` is 403 for a token that is not accepted, 409 if another
   *   process holds the agent, 429 or 503 if the caller should try again.
   * @throws ConnectionError if there is no response.
   * @throws EnrolmentRefusedError if there is no key to log in with, because the enrolment does not register it.
   * @throws KeyError if the private key is unusable.
   */
  async sendHeartbeat(activity?: Activity): Promise<HeartbeatAckMessage> {
    const answer = await this.#inTurn(() => this.#requests.renew(activity, this.#limits));
    const ack = ackIn(answer);
    if (ack) return ack;
    throw this.#refused(answer);
  }

  /**
   * Takes the agent offline at once.
   *
   * @throws AgentHeartbeatError as `sendHeartbeat()` does.
   */
  async leave(options: LeaveOptions = {}): Promise<void> {
    expectNames("option ", options, { reason: true });
    const { reason = "client_closed" } = options;
    if (reason !== "client_closed" && reason !== "drained") {
      throw invalid("reason", '"client_closed" or "drained"', reason);
    }
    const answer = await this.#inTurn(() => this.#requests.leave(reason, this.#limits));
    if (answer.status !== 204) throw this.#refused(answer);
  }

  #inTurn(send: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
    const sent = this.#last.then(() => this.#send(send));
    this.#last = sent.catch(() => undefined);
    return sent;
  }

  async #send(send: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
    this.#warning = "";
    try {
      const answer = await send();
      // An ephemeral registration may have vanished since the last heartbeat: the key registers itself again.
      return answer.status === 403 && this.#key.refused?.() ? await send() : answer;
    } catch (cause) {
      if (cause instanceof AgentHeartbeatError) throw cause;
      const message = `${this.agentId}: expected an answer, got: ${describe(cause)}`;
      throw new ConnectionError(message, undefined, { cause });
    }
  }

  #refused(answer: HttpAnswer) {
    const { message } = failureOf({ how: "refused", ...answer });
    const why = typeof answer.body.message === "string" ? ` (${answer.body.message})` : "";
    return new LoginRefusedError(
      `${this.agentId}: expected an accepted heartbeat, got: ${message}${why}${this.#warning && `; ${this.#warning}`}`,
      answer.status,
    );
  }
}
