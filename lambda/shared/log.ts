/** The log of a function. Lambda writes each object as one JSON line. Never log a token. */
export type Log = Pick<Console, "info" | "warn" | "error">;
