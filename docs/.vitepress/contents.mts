/**
 * The site's sidebar: the documents in the order of docs/README.md, the decision records, and the
 * API reference.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A link or a group in the sidebar. */
export interface Entry {
  text: string;
  link?: string;
  items?: Entry[];
  collapsed?: boolean;
}

const DOCS = join(import.meta.dirname, "..");
const DECISIONS = "/adr/README.md";
const GROUP_OR_PAGE = /^(?:## (?<group>.+)|- \[(?<page>[^\]]+)\]\((?<file>[^)]+)\))/gm;

/** The groups of docs/README.md with their pages. */
export function documents(): Entry[] {
  const groups: Required<Pick<Entry, "text" | "items">>[] = [];
  for (const { groups: found = {} } of textOf("README.md").matchAll(GROUP_OR_PAGE)) {
    const { group, page = "", file = "" } = found;
    if (group) groups.push({ text: group, items: [] });
    else groups.at(-1)?.items.push(entryOf(page, `/${file}`));
  }
  return groups;
}

/** The API reference, if generated: one group per entry point, with its classes and interfaces. */
export function reference(): Entry {
  const entryPoints = ["sdk", "sdk/status", "sdk/registry", "sdk/protocol", "cdk"];
  return {
    text: "API reference",
    items: entryPoints.map((name) => {
      const folder = `/api/@agent-heartbeat/${name}/`;
      const items = ["classes", "interfaces"].flatMap((kind) => pagesIn(`${folder}${kind}`));
      return { text: name, link: folder, collapsed: true, items };
    }),
  };
}

function entryOf(text: string, file: string): Entry {
  if (file !== DECISIONS) return { text, link: file };
  const decisions = readdirSync(join(DOCS, "adr"))
    .filter((name) => /^\d/.test(name))
    .map((name) => ({ text: titleOf(`adr/${name}`), link: `/adr/${name}` }));
  return { text, link: "/adr/", collapsed: true, items: decisions };
}

function pagesIn(folder: string): Entry[] {
  const path = join(DOCS, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .sort()
    .map((name) => ({ text: name.replace(/\.md$/, ""), link: `${folder}/${name}` }));
}

const textOf = (file: string) => readFileSync(join(DOCS, file), "utf8");

const titleOf = (file: string) => /^# (.+)$/m.exec(textOf(file))?.[1] ?? file;
