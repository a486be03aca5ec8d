/** Broken writes that nobody can tell from the original, by the names of their mutants, each with the reason. */

export const EQUIVALENT: Readonly<Record<string, string>> = {};
