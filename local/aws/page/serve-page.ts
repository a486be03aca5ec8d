/** Serves the dashboard's files like CloudFront. */

import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { hostOf } from "../guard";
import type { HttpHandler } from "../http";
import type { PageDescription } from "../resources/page";

const TYPES: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

export interface PageOptions {
  /** The gateway's address in the template's headers. It is replaced with the host of each request. */
  ownUrl: string;
  /** Changes HTML files. @default - unchanged */
  html?: (text: string) => string;
}

/** Handles requests for the page's files, and for `/`, which is `index.html`. */
export function servePage(
  { directory, headers }: PageDescription,
  { ownUrl, html = (text) => text }: PageOptions,
): HttpHandler {
  // Only files found at the start are served, so no path can escape the directory.
  const files = new Map(filesBelow(directory).map((path) => [`/${path}`, join(directory, path)]));
  const ownHost = new URL(ownUrl).host;
  return ({ method, url = "", headers: asked }, response) => {
    const path = url.replace(/\?.*$/, "");
    const file = files.get(path === "/" ? "/index.html" : path);
    if (file === undefined || (method !== "GET" && method !== "HEAD")) return false;
    const body = readFileSync(file);
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    const host = hostOf(asked.host ?? "")?.text ?? ownHost;
    for (const [name, value] of Object.entries(headers)) {
      response.setHeader(name, value.replaceAll(`//${ownHost}`, `//${host}`));
    }
    response.writeHead(200, {
      "Content-Type": type,
      "Cache-Control": path.startsWith("/assets/") ? "max-age=31536000, immutable" : "no-cache",
    });
    if (method === "HEAD") response.end();
    else response.end(type.startsWith("text/html") ? html(body.toString()) : body);
    return true;
  };
}

const filesBelow = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
