/** The repository, and the versions of what it is built with. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(__dirname, "..", "..");

/** As in `knip 6.44.2`: a package of the lock file, as it is installed. */
export function installed(name: string): string {
  const file = join(ROOT, "node_modules", name, "package.json");
  return `${name} ${(JSON.parse(readFileSync(file, "utf8")) as { version: string }).version}`;
}

/** The path of a command that a package has installed. */
export const command = (name: string) => join(ROOT, "node_modules", ".bin", name);
