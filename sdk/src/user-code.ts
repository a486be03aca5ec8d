/** What an application passes in may throw, reject, hang or be absurd: nothing of it reaches the client. */

/** Calls it, and reports what it throws, or rejects with later. */
export function callSafely(
  call: () => unknown,
  onError: (error: unknown) => void = () => {},
): void {
  try {
    const result = call();
    if (result instanceof Object) Promise.resolve(result).catch(onError);
  } catch (error) {
    onError(error);
  }
}

/** An error in words. Anything can be thrown: an object without a prototype, or with getters that throw. */
export function describe(error: unknown, form: "message" | "stack" = "message"): string {
  try {
    return String(
      (error instanceof Error && (error[form] || error.message || error.name)) || error,
    );
  } catch {
    return "unknown error";
  }
}

/** A value in an error message. */
export function show(value: unknown): string {
  try {
    if (typeof value === "number") return String(value);
    return value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value));
  } catch {
    return describe(value);
  }
}
