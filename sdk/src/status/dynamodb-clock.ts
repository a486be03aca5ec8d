/** The server's time, as seen in DynamoDB's responses: a reader's own clock may be wrong by more than a lease. */

import { aroundHttp } from "../../../core/aws-client";

/** Epoch milliseconds. */
export type Clock = () => number;

/** A clock that is off by less is used as it is: responses carry the time in whole seconds only. */
const TOLERANCE_MS = 900;

/**
 * The local clock, corrected where the `Date` of a DynamoDB response proves it wrong.
 *
 * A difference of more than two seconds is noticed (by responses that take under 100 ms), one of less
 * than 0.9 s never. Until the first response the local clock is all there is.
 */
export class DynamoDbClock {
  readonly #local: Clock;
  #offsetMs = 0;

  /** @param local epoch milliseconds by the local clock */
  constructor(local: Clock = Date.now) {
    this.#local = local;
  }

  /** Epoch milliseconds by the server's clock. */
  now(): number {
    return this.#local() + this.#offsetMs;
  }

  /** How far the server's clock is ahead of the local one, in milliseconds; 0 if they agree. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Takes the time from the response to a command, also if DynamoDB refuses it. Returns the command. */
  watch<C extends { middlewareStack: object }>(command: C): C {
    aroundHttp(command, "agentHeartbeatClock", (next) => async (args) => {
      const sentAt = this.#local();
      const result = await next(args);
      this.#compare(dateOf(result.response), sentAt, this.#local());
      return result;
    });
    return command;
  }

  /**
   *   local    sentAt ------------- ? ---- receivedAt        the response was dated in between,
   *   server           dated ------ ? -- dated + 1 s         and its date is cut to the second
   */
  #compare(dated: number, sentAt: number, receivedAt: number): void {
    if (Number.isNaN(dated)) return;
    const least = dated - receivedAt;
    const most = dated + 1000 - sentAt;
    const agrees = least <= TOLERANCE_MS && most >= -TOLERANCE_MS;
    this.#offsetMs = agrees ? 0 : Math.round((least + most) / 2);
  }
}

function dateOf(response: unknown): number {
  const headers = (response as { headers?: Record<string, string> }).headers ?? {};
  return Date.parse(headers.date ?? "");
}
