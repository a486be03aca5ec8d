/** Converts links that only work on GitHub: to READMEs of folders, and to files outside docs/. */

import { posix } from "node:path";
import type { MarkdownRenderer } from "vitepress";

/**
 * The base URL of files outside docs/, without a trailing slash. Without it, links to them become
 * plain text.
 */
export interface LinkOptions {
  sources: string | undefined;
}

/** Rewrites each link before VitePress processes it, so that VitePress still detects dead links. */
export function keepLinks(markdown: MarkdownRenderer, { sources }: LinkOptions): void {
  markdown.core.ruler.push("keep-links", ({ tokens, env }) => {
    const page: string = env.relativePath;
    for (const { children } of tokens) {
      let ending: "a" | undefined;
      for (const token of children ?? []) {
        if (token.type === "link_open") {
          const href = token.attrGet("href") ?? "";
          const target = outside(page, href);
          if (target === undefined)
            token.attrSet("href", href.replace(/README\.md(?=#|$)/, "index.md"));
          else if (sources !== undefined) token.attrSet("href", `${sources}/${target}`);
          else {
            token.tag = "span";
            token.attrs = null;
            token.type = "source_open";
            ending = "a";
          }
        } else if (token.type === "link_close" && ending) {
          token.tag = "span";
          token.type = "source_close";
          ending = undefined;
        }
      }
    }
  });
}

/** The repository path of a link's target, if it is outside docs/. */
function outside(page: string, href: string): string | undefined {
  if (!href.startsWith("../")) return undefined;
  const target = posix.join("docs", posix.dirname(page), href);
  return target.startsWith("docs/") ? undefined : target;
}
