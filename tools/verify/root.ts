/** The repository's root, and versions of installed packages. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(__dirname, "..", "..");

/** For example `knip 6.44.2`. */
export function installed(name: string): string {
  const file = join(ROOT, "node_modules", name, "package.json");
  return `${name} ${(JSON.parse(readFileSync(file, "utf8")) as { version: string }).version}`;
}

/** The path of an installed package's command. */
export const command = (name: string) => join(ROOT, "node_modules", ".bin", name);
