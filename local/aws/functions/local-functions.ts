/** All functions of a stack. */

import { LocalRuntimeError } from "../errors";
import type { FunctionDescription } from "../resources/function";
import { LocalFunction, type LocalFunctionOptions } from "./local-function";

export class LocalFunctions {
  readonly #functions: LocalFunction[];

  constructor(
    descriptions: readonly FunctionDescription[],
    options: Omit<LocalFunctionOptions, "description">,
  ) {
    this.#functions = descriptions.map(
      (description) => new LocalFunction({ description, ...options }),
    );
  }

  get names(): string[] {
    return this.#functions.map(({ description }) => description.name);
  }

  /**
   * Finds a function.
   *
   * @param name its name or ARN, or a unique part of its name
   * @throws LocalRuntimeError if there is no such function
   */
  readonly of = (name: string): LocalFunction => {
    const exact = this.#functions.find(
      ({ description }) => description.arn === name || description.name === name,
    );
    if (exact) return exact;
    const similar = this.#functions.filter(({ description }) => description.name.includes(name));
    const [found] = similar;
    if (found && similar.length === 1) return found;
    throw new LocalRuntimeError(
      `Expected one function "${name}", got ${similar.length} of ${this.names.join(", ")}`,
    );
  };

  /**
   * Loads all functions.
   *
   * @param leaveOut called for each function that can't be loaded
   * @throws FunctionFailed if one can't be loaded and there is no `leaveOut`
   */
  async warm(leaveOut?: (problem: string) => void): Promise<void> {
    await Promise.all(
      this.#functions.map(async (fn) => {
        try {
          await fn.warm();
        } catch (error) {
          if (!leaveOut) throw error;
          leaveOut(`${fn.description.name} can't be loaded: ${(error as Error).message}`);
        }
      }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.#functions.map((fn) => fn.stop()));
  }
}
