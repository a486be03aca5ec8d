/** Texts of agents inside sentences of the page's own. */

/** The text without the marks that would turn the direction of the words around it, each shown as one. */
export function plainText(text: string): string {
  return text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "�");
}
