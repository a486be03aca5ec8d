/** Serves the files of the page, as CloudFront would. */

import { createReadStream, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import type { HttpHandler } from "../http";
import type { PageDescription } from "../resources/page";

const TYPES: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** Handles a GET of one of the page's files, and of `/`, which is its `index.html`. */
export function servePage({ directory, headers }: PageDescription): HttpHandler {
  // Only what was there at the start is ever read: no path can lead elsewhere.
  const files = new Map(filesBelow(directory).map((path) => [`/${path}`, join(directory, path)]));
  return ({ method, url = "" }, response) => {
    const path = url.replace(/\?.*$/, "");
    const file = files.get(path === "/" ? "/index.html" : path);
    if (file === undefined || (method !== "GET" && method !== "HEAD")) return false;
    response.writeHead(200, {
      ...headers,
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      "Cache-Control": path.startsWith("/assets/") ? "max-age=31536000, immutable" : "no-cache",
    });
    if (method === "HEAD") response.end();
    else
      createReadStream(file)
        .on("error", () => response.destroy())
        .pipe(response);
    return true;
  };
}

const filesBelow = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
