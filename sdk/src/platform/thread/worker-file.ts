/** Finds the file of the heartbeat thread: beside the built package, or among the sources. */

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** What to start a worker with. */
export function workerFile(): { file: URL | string; eval?: true } {
  const here = import.meta.url;
  if (here.endsWith(".cjs")) return { file: new URL("./heartbeat-worker.cjs", here) };
  if (here.endsWith(".js")) return { file: new URL("./heartbeat-worker.js", here) };
  // A loader given on the command line does not reach a worker's own file in Node.js 20.
  const api = createRequire(here)
    .resolve("tsx/esm/api")
    .replace(/\.cjs$/, ".mjs");
  const loader = pathToFileURL(api).href;
  const [source, from] = [new URL("./worker.ts", here).href, here].map((url) =>
    JSON.stringify(url),
  );
  const load = `({ tsImport }) => tsImport(${source}, ${from})`;
  return { file: `import(${JSON.stringify(loader)}).then(${load})`, eval: true };
}
