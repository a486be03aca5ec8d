/** Keeps what agents, files and services wrote from steering the terminal, or from reading as something else. */

/**
 * Control characters, halves of characters, line separators, marks that turn the direction of writing, and characters
 * that nobody sees: but those that join, choose or end the parts of an emoji, and join letters.
 */
const STEERING =
  /(?!\u200c|\u200d|[\ufe00-\ufe0f]|[\u{e0020}-\u{e007f}])[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufff9-\ufffb\p{Default_Ignorable_Code_Point}]/gu;

/** More marks on one letter than any script has: they reach into the lines around. */
const PILED_MARKS = /(\p{M}{6})\p{M}+/gu;

/** A mark without a letter, which would be put on what stands before. */
const LOOSE_MARK = /^(?=\p{M})/u;

/** The text with each steering character shown as one. */
export function printable(text: string): string {
  return text.replace(STEERING, "�").replace(PILED_MARKS, "$1").replace(LOOSE_MARK, "◌");
}

/** Scripts that are written from right to left. */
const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;

/**
 * The text in marks that keep its direction of writing from what stands beside it: a terminal that knows of
 * directions would move the next column before it, and another one ignores the marks.
 */
export function isolated(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

/** JSON in which such characters are escaped, so that it means the same and steers nothing. */
export function printableJson(value: unknown, indent?: number): string {
  const unit = (code: string) => `\\u${code.charCodeAt(0).toString(16).padStart(4, "0")}`;
  const escaped = (match: string) => (match === "\n" ? match : match.split("").map(unit).join(""));
  return JSON.stringify(value, null, indent).replace(STEERING, escaped);
}

/** What came in place of what was expected, cut to a size that a message can hold. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}

/** The longest word of a message, in characters. Paths, URLs and ARNs are shorter. */
const LONGEST_WORD = /(\S{250})\S{50,}/gu;

const LONGEST_MESSAGE = 1500;

/** The message, cut where it repeats more of what was passed in than a person reads. */
export function brief(message: string): string {
  const text = message.replace(LONGEST_WORD, "$1…");
  return text.length <= LONGEST_MESSAGE
    ? text
    : `${text.slice(0, LONGEST_MESSAGE / 2)} … ${text.slice(-LONGEST_MESSAGE / 3)}`;
}
