/** Run by npm before it publishes a package, in the package's folder: fails unless the manifest contains the repository's address. */

import { readFileSync } from "node:fs";

const { name, repository, homepage, bugs } = JSON.parse(readFileSync("package.json", "utf8"));
const missing = Object.entries({ repository, homepage, bugs })
  .filter(([, value]) => value === undefined)
  .map(([field]) => field);
if (missing.length > 0) {
  console.error(
    `${name} can't be published: its package.json has no ${missing.join(", ")}. ` +
      "Prepare the release first: npm run release -- <version>",
  );
  process.exit(1);
}
