/** Finds unknown names, and what was probably meant. TypeScript refuses them; JavaScript ignores them silently. */

/** Every name of a type, so that a list of them can't miss one. */
export type Names<T> = Readonly<Record<keyof T, true>>;

/**
 * Says what is wrong with the first name of an object that is not known.
 *
 * @returns undefined if all are known
 */
export function unknownName(given: object, known: object): string | undefined {
  const name = Object.keys(given).find((each) => !Object.hasOwn(known, each));
  return name === undefined ? undefined : unknown(name, Object.keys(known));
}

/** Describes a name that is not known. */
export function unknown(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return meant
    ? `${name}: unknown; did you mean ${meant}?`
    : `${name}: unknown; expected one of ${[...known].sort().join(", ")}`;
}

/** The known name that was probably meant; undefined if there is none. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const near = known
    .map((each) => ({ each, distance: distanceOf(plain(name), plain(each)) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return near && near.distance <= Math.max(2, name.length / 4) ? near.each : undefined;
}

/** Names of other languages differ by case and underscores alone. */
const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/** How many letters to add, take away or change. */
function distanceOf(a: string, b: string): number {
  let row = [...Array(b.length + 1).keys()];
  for (const [index, letter] of [...a].entries()) {
    const next = [index + 1];
    for (const [column, other] of [...b].entries()) {
      const changed = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
