/** Keeps what agents, files and services wrote from steering the terminal, or from reading as something else. */

/** Control characters, halves of characters, line separators, and marks that turn the direction of writing. */
const STEERING = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The text with each steering character shown as one. */
export function printable(text: string): string {
  return text.replace(STEERING, "�");
}

/** JSON in which such characters are escaped, so that it means the same and steers nothing. */
export function printableJson(value: unknown, indent?: number): string {
  const escaped = (match: string) =>
    match === "\n" ? match : `\\u${match.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value, null, indent).replace(STEERING, escaped);
}

/** What came in place of what was expected, cut to a size that a message can hold. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}
