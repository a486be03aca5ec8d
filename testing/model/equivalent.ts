/** Broken writes that nobody can tell from the original, by the names of their mutants, each with the reason. */

export const EQUIVALENT: Readonly<Record<string, string>> = {
  "rotate: attribute_not_exists(#status) is always true":
    "without a status there are no connections, and that there are none is a condition of its own",
};
