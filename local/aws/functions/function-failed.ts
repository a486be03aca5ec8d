/** The error that a caller gets if a function fails. */

import { LocalRuntimeError } from "../errors";
import type { FunctionError } from "./messages";

/** A function threw, timed out or crashed. */
export class FunctionFailed extends LocalRuntimeError {
  override name = "FunctionFailed";

  constructor(
    functionName: string,
    readonly error: FunctionError,
  ) {
    super(`${functionName}: ${error.errorType}: ${error.errorMessage}`);
  }
}
