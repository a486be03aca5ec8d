/** The documentation site: `npm run docs:dev` and `npm run docs:build`. */

import { defineConfig } from "vitepress";
import { documents, reference } from "./contents.mts";
import { drawDiagrams } from "./diagrams.mts";
import { keepLinks } from "./links.mts";

const { DOCS_BASE, GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env;
const repository = GITHUB_REPOSITORY && `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}`;
const sidebar = [...documents(), reference()];

/** The anchors that GitHub generates, so that links to headings work on GitHub and on the site. */
const githubSlug = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, "")
    .replaceAll(" ", "-");

export default defineConfig({
  title: "Agent Heartbeat",
  description: "Serverless presence for fleets of AI agents and workers on AWS.",
  lang: "en",
  base: DOCS_BASE ? `${DOCS_BASE.replace(/\/$/, "")}/` : "/",
  cleanUrls: true,
  rewrites: { "README.md": "index.md", ":folder/README.md": ":folder/index.md" },
  outDir: ".vitepress/dist",
  cacheDir: ".vitepress/cache",
  head: [["link", { rel: "icon", href: "data:," }]],
  markdown: {
    anchor: { slugify: githubSlug },
    preConfig: (markdown) =>
      keepLinks(markdown, { sources: repository && `${repository}/blob/main` }),
    config: drawDiagrams,
  },
  themeConfig: {
    sidebar,
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Guide", link: "/guide" },
      { text: "Command line", link: "/cli" },
      { text: "Protocol", link: "/protocol" },
      { text: "API", link: "/api/@agent-heartbeat/sdk/" },
    ],
    ...(repository ? { socialLinks: [{ icon: "github", link: repository }] } : {}),
  },
});
