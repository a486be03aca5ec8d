/** Makes text from agents safe to embed in the page's own sentences. */

/** Replaces bidirectional control characters, which would reorder the words around the text. */
export function plainText(text: string): string {
  return text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "�");
}
