/** Lets Node.js run this repository's TypeScript: `node --import ./bin/typescript.mjs <file>`. */

import { fileURLToPath } from "node:url";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node.js ${process.versions.node} is too old: install 20.19 or newer, then run npm ci`);
}

// tsx would leave a cache in the temporary folder.
process.env.TSX_DISABLE_CACHE ??= "1";
// Has the sources of packages, also if the program is started in another folder.
process.env.TSX_TSCONFIG_PATH ??= fileURLToPath(new URL("../tsconfig.json", import.meta.url));

try {
  await import("tsx");
} catch (error) {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  fail("The packages are not installed: run npm ci first");
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
