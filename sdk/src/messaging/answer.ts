/** The one answer to a request, whatever number of handlers it has. */

import { describe } from "../user-code";

/** Why a request was not answered with a result. */
export type AnswerErrorCode = "handler_failed" | "unavailable" | "no_handler";

/** What travels as the `data` of an answer. */
export type Reply =
  | { result: unknown }
  | { error: { code: AnswerErrorCode | (string & {}); message: string } };

/**
 * The first value that a handler returns; without one, the first error of a handler; without that, why one was not called;
 * without that, null.
 */
export class Answer {
  #open = 0;
  #fault: { code: AnswerErrorCode; message: string } | null = null;
  /** Whether a handler has begun: to ask again would have it do its work twice. */
  #handled = false;
  #sent = false;

  constructor(private readonly send: (reply: Reply) => void) {}

  /** @param handlers how many will return or fail */
  expect(handlers: number): void {
    this.#open = handlers;
    if (handlers === 0) this.fail("no_handler", "there is no handler for the subject");
  }

  returned(value: unknown): void {
    this.#open -= 1;
    this.#handled = true;
    if (value !== undefined) this.#answer({ result: value });
    else this.#last();
  }

  fail(code: AnswerErrorCode, error: unknown): void {
    this.#open -= 1;
    this.#handled ||= code === "handler_failed";
    if (this.#fault?.code !== "handler_failed") this.#fault = { code, message: describe(error) };
    this.#last();
  }

  #last(): void {
    if (this.#open > 0) return;
    const fault = this.#fault;
    if (fault && this.#handled) fault.code = "handler_failed";
    this.#answer(fault ? { error: fault } : { result: null });
  }

  #answer(reply: Reply): void {
    if (this.#sent) return;
    this.#sent = true;
    this.send(reply);
  }
}
