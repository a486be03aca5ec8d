/** The root of everything that the local runtime throws on purpose. */

/** A failure told to a person: its message is one sentence that says what to do about it. */
export class LocalRuntimeError extends Error {
  override name = "LocalRuntimeError";
}
