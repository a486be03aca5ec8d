/** What an assistant may be allowed to change. */

export const ACTIONS = ["send", "drain", "disable"] as const;
export type Action = (typeof ACTIONS)[number];
