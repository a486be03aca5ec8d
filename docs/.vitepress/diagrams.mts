/** Renders the Mermaid diagrams of the documents at build time, so that readers load no library. */

import { renderMermaidSVG } from "beautiful-mermaid";
import type { MarkdownRenderer } from "vitepress";

/** CSS variables of the theme, which has a light and a dark palette. */
const COLOURS = {
  bg: "var(--vp-c-bg)",
  fg: "var(--vp-c-text-1)",
  muted: "var(--vp-c-text-2)",
  line: "var(--vp-c-text-3)",
  surface: "var(--vp-c-bg-soft)",
  border: "var(--vp-c-divider)",
  transparent: true,
};

/** Replaces code blocks in `mermaid` with SVG images. */
export function drawDiagrams(markdown: MarkdownRenderer): void {
  const { fence } = markdown.renderer.rules;
  markdown.renderer.rules.fence = (tokens, index, ...rest) => {
    const token = tokens[index];
    if (token?.info.trim() !== "mermaid") return fence?.(tokens, index, ...rest) ?? "";
    // Removes a font import from a third party.
    const drawing = renderMermaidSVG(token.content, COLOURS).replace(/@import [^\n]*/, "");
    // Passed as a value, since a page's template must not contain <style>.
    const value = JSON.stringify(drawing).replaceAll("&", "&amp;").replaceAll('"', "&quot;");
    return `<figure class="diagram" v-html="${value}"></figure>\n`;
  };
}
