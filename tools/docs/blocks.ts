/** Blocks in a document that are generated: each stands between two comments that name it. */

const BLOCK = /(<!-- generated: (\S+) -->\n)[\s\S]*?(<!-- end -->)/g;

/**
 * The document with its generated blocks as they should be.
 *
 * @throws Error if the document has a block that is not given, or lacks one that is
 */
export function withBlocks(document: string, blocks: Record<string, string>): string {
  const found = new Set<string>();
  const result = document.replace(BLOCK, (_, begin: string, name: string, end: string) => {
    const text = blocks[name];
    if (text === undefined) throw new Error(`no such block: ${name}`);
    found.add(name);
    return `${begin}${text}\n${end}`;
  });
  const missing = Object.keys(blocks).filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`the document lacks the blocks ${missing.join(", ")}`);
  return result;
}
