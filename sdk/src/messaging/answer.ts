/** The one answer to a request, whatever number of handlers it has. */

import { describe } from "../user-code";

/** Why a request was not answered with a result. */
export type AnswerErrorCode = "handler_failed" | "unavailable" | "no_handler";

/** What travels as the `data` of an answer. */
export type Reply =
  | { result: unknown }
  | { error: { code: AnswerErrorCode | (string & {}); message: string } };

/** The first value that a handler returns; without one, the first error; without that, null. */
export class Answer {
  #open = 0;
  #fault: Reply | null = null;
  #sent = false;

  constructor(private readonly send: (reply: Reply) => void) {}

  /** @param handlers how many will return or fail */
  expect(handlers: number): void {
    this.#open = handlers;
    if (handlers === 0) this.failed("no_handler", "there is no handler for the subject");
  }

  returned(value: unknown): void {
    this.#open -= 1;
    if (value !== undefined) this.#answer({ result: value });
    else this.#last();
  }

  failed(code: AnswerErrorCode, error: unknown): void {
    this.#open -= 1;
    this.#fault ??= { error: { code, message: describe(error) } };
    this.#last();
  }

  #last(): void {
    if (this.#open <= 0) this.#answer(this.#fault ?? { result: null });
  }

  #answer(reply: Reply): void {
    if (this.#sent) return;
    this.#sent = true;
    this.send(reply);
  }
}
