/** Finds the file of the heartbeat thread: beside the built package, or among the sources. */

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** Set where the package is built: bundlers would look for what the sources need. */
declare const IS_BUILT: true | undefined;

/** What to start a worker with. */
export const workerFile = (): { file: URL | string; eval?: true } =>
  typeof IS_BUILT === "undefined" ? sourceFile() : builtFile();

function builtFile() {
  const here = import.meta.url;
  const extension = here.endsWith(".cjs") ? "cjs" : "js";
  return { file: new URL(`./heartbeat-worker.${extension}`, here) };
}

/** A loader given on the command line does not reach a worker's own file in Node.js 20. */
function sourceFile() {
  const here = import.meta.url;
  const api = createRequire(here)
    .resolve("tsx/esm/api")
    .replace(/\.cjs$/, ".mjs");
  const loader = pathToFileURL(api).href;
  const [source, from] = [new URL("./worker.ts", here).href, here].map((url) =>
    JSON.stringify(url),
  );
  const load = `({ tsImport }) => tsImport(${source}, ${from})`;
  return { file: `import(${JSON.stringify(loader)}).then(${load})`, eval: true as const };
}
