/** Draws the Mermaid diagrams of the documents when the site is built, so that readers load no library for them. */

import { renderMermaidSVG } from "beautiful-mermaid";
import type { MarkdownRenderer } from "vitepress";

/** Diagrams take the page's colours, of which it has two sets. */
const COLOURS = {
  bg: "var(--vp-c-bg)",
  fg: "var(--vp-c-text-1)",
  muted: "var(--vp-c-text-2)",
  line: "var(--vp-c-text-3)",
  surface: "var(--vp-c-bg-soft)",
  border: "var(--vp-c-divider)",
  transparent: true,
};

/** Replaces blocks of the language `mermaid` by drawings. */
export function drawDiagrams(markdown: MarkdownRenderer): void {
  const { fence } = markdown.renderer.rules;
  markdown.renderer.rules.fence = (tokens, index, ...rest) => {
    const token = tokens[index];
    if (token?.info.trim() !== "mermaid") return fence?.(tokens, index, ...rest) ?? "";
    // The drawing asks a third party for its font.
    const drawing = renderMermaidSVG(token.content, COLOURS).replace(/@import [^\n]*/, "");
    // Given as a value, because a page's template may hold no <style>.
    const value = JSON.stringify(drawing).replaceAll("&", "&amp;").replaceAll('"', "&quot;");
    return `<figure class="diagram" v-html="${value}"></figure>\n`;
  };
}
