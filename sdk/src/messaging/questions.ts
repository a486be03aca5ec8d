/**
 * Requests to other agents: of several answers the first value counts, and an error only if there is no value. What
 * nobody has handled is asked again, because the agent may just be moving to another process.
 */

import { isObject } from "../../../core/json";
import type { Delivery } from "../../../core/server-messages";
import { agentToken, RESERVED } from "../../../core/subject";
import {
  type AgentHeartbeatError,
  NoReceiverError,
  RemoteError,
  RequestTimeoutError,
} from "../errors";
import { hint } from "../hint";
import { inBrowser } from "../platform/in-browser";
import type { Runtime } from "../platform/runtime";
import { Pending } from "./pending";
import type { Outgoing, Publisher } from "./publisher";

/** The pauses before a request is sent again that nobody got, or that all who got it refused unhandled. */
const AGAIN_MS = [250, 750, 2_000];

/** Errors which show that no agent handled a request, in increasing priority. */
const UNHANDLED = ["", "no_handler", "unavailable"];

/** What is known of one request. */
interface Question {
  message: Outgoing;
  /** Monotonic: its deadline. */
  endsAt: number;
  /** Whether any attempt was sent. */
  sent: boolean;
  /** Whether its requester does not wait any more: an attempt that waits for its turn is not sent. */
  isGivenUp?: boolean;
  /** How many were sent, one that waits to be sent included. */
  tries: number;
  /** How many further agents may get it after one was lost. */
  retries: number;
  /** Of the next attempt. */
  timer: unknown;
  /** How many processes got it; unknown until the service has confirmed it. */
  reached: number | undefined;
  /** How many of them answered with an error, and the one of these that says most. */
  faults: number;
  fault: RemoteError | undefined;
}

export class Questions {
  /** By the subject of the answer. */
  readonly #open = new Map<string, Question>();
  readonly #pending: Pending<unknown>;

  constructor(
    private readonly agentId: string,
    private readonly platform: Pick<Runtime, "monotonic" | "setTimeout" | "clearTimeout">,
    private readonly publisher: Pick<Publisher, "publish">,
  ) {
    this.#pending = new Pending(platform);
  }

  async ask(
    message: Omit<Outgoing, "replyTo" | "expiresInMs" | "attempt">,
    timeoutMs: number,
    retries: number,
    signal?: AbortSignal,
  ): Promise<unknown> {
    if (!inBrowser) signal?.throwIfAborted();
    const replyTo = `${RESERVED.inbox}.${agentToken(this.agentId)}.${crypto.randomUUID()}`;
    const question: Question = {
      message: { ...message, replyTo },
      endsAt: this.platform.monotonic() + timeoutMs,
      sent: false,
      tries: 1,
      retries,
      timer: null,
      reached: undefined,
      faults: 0,
      fault: undefined,
    };
    const expected = `${nameOf(message)}: expected an answer within ${timeoutMs / 1000} s`;
    this.#open.set(replyTo, question);
    const answer = this.#pending.wait(
      replyTo,
      timeoutMs,
      () => question.fault ?? new RequestTimeoutError(`${expected}, got none`, question.sent),
    );
    const giveUp = () => {
      question.isGivenUp = true;
      this.#pending.take(replyTo)?.reject(signal?.reason);
    };
    if (!inBrowser) signal?.addEventListener("abort", giveUp);
    this.#send(replyTo, question);
    try {
      return await answer;
    } finally {
      if (!inBrowser) signal?.removeEventListener("abort", giveUp);
      this.#open.delete(replyTo);
      this.platform.clearTimeout(question.timer);
    }
  }

  /** Accepts an answer. Ignores one that is not waited for. */
  answered({ subject, data, from = "somebody" }: Delivery): void {
    const question = this.#open.get(subject);
    if (!question) return;
    const { error, result = data, attempt } = isObject(data) ? data : {};
    const { code, message } = isObject(error) ? error : {};
    if (typeof code !== "string" || typeof message !== "string") {
      // Clients that are none of the SDK may answer with the bare result.
      this.#pending.take(subject)?.resolve(result);
      return;
    }
    // That attempt was counted already: by another error, or because nobody received it.
    if ((attempt as number) < question.tries) return;
    const text = `${question.message.subject}: ${from} answered ${code}: ${message}`;
    question.faults += 1;
    if (weightOf(code) > weightOf(question.fault?.code)) {
      question.fault = new RemoteError(code, from, text);
    }
    this.#settleFaults(subject, question);
  }

  /** Gives up all of them. */
  fail(error: AgentHeartbeatError): void {
    this.#pending.fail(error);
  }

  #send(replyTo: string, question: Question): void {
    const { tries: attempt } = question;
    question.faults = 0;
    const leftMs = question.endsAt - this.platform.monotonic();
    const message = { ...question.message, expiresInMs: Math.ceil(leftMs), attempt };
    this.publisher.publish(message, leftMs, question).then(
      ({ reached }) => {
        question.reached = reached;
        this.#settleFaults(replyTo, question);
      },
      (error) => this.#pending.fail(error, replyTo),
    );
  }

  /** Continues when every receiver has answered with an error, or there was none. */
  #settleFaults(replyTo: string, question: Question): void {
    const { reached, faults, fault, tries, message } = question;
    if (reached === undefined || faults < reached || !this.#open.has(replyTo)) return;
    const isLost = !inBrowser && fault?.code === "receiver_lost" && question.retries-- > 0;
    const isUnhandled = (fault?.code ?? "unavailable") === "unavailable";
    const pauseMs = isLost ? 0 : isUnhandled ? AGAIN_MS[tries - 1] : undefined;
    if (isLost) question.fault = undefined;
    if (pauseMs !== undefined) {
      question.tries += 1;
      question.reached = undefined;
      question.timer = this.platform.setTimeout(() => this.#send(replyTo, question), pauseMs);
      return;
    }
    const why = hint("is the agent online, or anybody subscribed?");
    const none = `${nameOf(message)}: expected an answer, got nobody${why}`;
    this.#pending.fail(fault ?? new NoReceiverError(none), replyTo);
  }
}

/** Whom it is for, for error messages. */
const nameOf = ({ to, capability, subject }: Outgoing) => to ?? capability ?? subject;

/**
 * Of several errors, the one counts which shows that an agent handled the request, which is then not sent again. Next is
 * that of an agent that would have handled it.
 */
const weightOf = (code = "") => 1 + UNHANDLED.indexOf(code) || UNHANDLED.length + 1;
