/** What a function logs through: Lambda turns each object into one JSON line. Never log a token. */
export type Log = Pick<Console, "info" | "warn" | "error">;
