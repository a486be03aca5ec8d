/** Fills the generated blocks of a document. Each block stands between two marker comments. */

const BLOCK = /(<!-- generated: (\S+) -->\n)[\s\S]*?(<!-- end -->)/g;

/**
 * Returns the document with all generated blocks filled in.
 *
 * @throws Error if the document has an unknown block or lacks a known one
 */
export function withBlocks(document: string, blocks: Record<string, string>): string {
  const found = new Set<string>();
  const result = document.replace(BLOCK, (_, begin: string, name: string, end: string) => {
    const text = blocks[name];
    if (text === undefined) throw new Error(`unknown block: ${name}`);
    found.add(name);
    return `${begin}${text}\n${end}`;
  });
  const missing = Object.keys(blocks).filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`the document lacks the blocks ${missing.join(", ")}`);
  return result;
}
