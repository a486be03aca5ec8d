/** Renews and releases a process's lease over HTTP: one login token a request, each made later than the one before. */

import type { Agent } from "node:http";
import type { Activity } from "../../../../core/presence";
import type { HeartbeatAckMessage } from "../../../../core/protocol";
import type { SigningKey } from "../../connection/keys";
import { learnFromDate, ServerClock } from "../../connection/server-clock";
import { type LoginTerms, signLoginToken } from "../../connection/token";
import { type HttpAnswer, type JsonRequest, requestJson } from "../http-request";
import type { Runtime } from "../runtime";

export interface LeaseRequestOptions {
  /** The deployment's output `HttpUrl`, without a slash at its end. */
  httpUrl: string;
  login: LoginTerms;
  /** Called before the first request, and after a refusal, but not for each heartbeat: it may cost money. */
  loadKey(): Promise<SigningKey>;
  agent?: Agent | undefined;
}

type Clocks = Pick<Runtime, "now" | "monotonic" | "boottime">;

/** How one request ends that takes too long, or is not wanted any more. */
export interface RequestLimits {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

export class LeaseRequests {
  readonly clock: ServerClock;
  /** The time of the newest token that may have been accepted. */
  #lastIssuedAt = 0;
  #key: SigningKey | undefined;

  constructor(
    private readonly options: LeaseRequestOptions,
    private readonly clocks: Clocks,
    private readonly send: (request: JsonRequest) => Promise<HttpAnswer> = requestJson,
  ) {
    this.clock = new ServerClock(clocks);
  }

  /** Not to be called again before it has settled: the later of two tokens may be the first to arrive. */
  async renew(activity: Activity | undefined, limits: RequestLimits): Promise<HttpAnswer> {
    const sentAt = this.clocks.monotonic();
    const answer = await this.#request("POST", "/heartbeat", { activity }, limits);
    const ack = ackIn(answer);
    if (ack) this.clock.learnFromAck(ack.serverTime, this.clocks.monotonic() - sentAt);
    return answer;
  }

  /** Not to be called before another request has settled. */
  leave(reason: "client_closed" | "drained", limits: RequestLimits): Promise<HttpAnswer> {
    const query = reason === "drained" ? "?reason=drained" : "";
    return this.#request("DELETE", `/heartbeat${query}`, undefined, limits);
  }

  async #request(
    method: JsonRequest["method"],
    path: string,
    body: object | undefined,
    limits: RequestLimits,
  ): Promise<HttpAnswer> {
    const wasKnown = this.#key !== undefined;
    const attempt = () => this.#attempt(method, path, body, limits);
    const answer = await attempt();
    if (answer.status !== 401 && answer.status !== 403) return answer;
    // A token with a wrong time, or of a key that was replaced, is refused like any other.
    this.#key = undefined;
    const hasLearnt = learnFromDate(this.clock, answer.date);
    return hasLearnt || wasKnown ? attempt() : answer;
  }

  async #attempt(
    method: JsonRequest["method"],
    path: string,
    body: object | undefined,
    limits: RequestLimits,
  ): Promise<HttpAnswer> {
    const { httpUrl, login, agent } = this.options;
    this.#key ??= await this.options.loadKey();
    const key = this.#key;
    // A clock that was set back by the server's must not bring a token that is older than the last.
    const issuedAt = Math.max(Math.round(this.clock.now()), this.#lastIssuedAt + 1);
    const terms = { ...login, audience: new URL(httpUrl).origin };
    const token = await signLoginToken(terms, key, issuedAt, issuedAt / 1000);
    let answer: HttpAnswer | undefined;
    try {
      const headers = { Authorization: `Bearer ${token}` };
      answer = await this.send({ method, url: httpUrl + path, headers, body, agent, ...limits });
      return answer;
    } finally {
      if (!answer || answer.status < 400) this.#lastIssuedAt = issuedAt;
    }
  }
}

/** The ack of an accepted heartbeat; undefined for any other answer, such as a proxy's page. */
export function ackIn({ status, body }: HttpAnswer): HeartbeatAckMessage | undefined {
  const { type, serverTime, leaseExpiresAt } = body;
  const isAck = status === 200 && type === "heartbeat_ack";
  const has = typeof serverTime === "number" && typeof leaseExpiresAt === "number";
  return isAck && has ? (body as unknown as HeartbeatAckMessage) : undefined;
}
