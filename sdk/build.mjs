/** Builds the package: ES modules and CommonJS for Node.js, one file each for agent and fleet in browsers, and types for all. */

import { execFile } from "node:child_process";
import { access, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { minify } from "@swc/core";
import { build } from "esbuild";
import { SHORT_NAMES } from "./internal-names.mjs";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");
const typescript = createRequire(import.meta.url).resolve("typescript/bin/tsc");

/** Name in `dist`, without extension, to source file. */
const NODE_ENTRIES = {
  node: "src/node.ts",
  protocol: "src/protocol.ts",
  status: "src/status/index.ts",
  registry: "src/registry/index.ts",
  testing: "src/testing/index.ts",
  opentelemetry: "src/opentelemetry.ts",
  "heartbeat-worker": "src/platform/thread/worker.ts",
};

const common = {
  absWorkingDir: root,
  outdir: "dist",
  bundle: true,
  target: "es2022",
  logLevel: "warning",
};

await rm(dist, { recursive: true, force: true });
await Promise.all([
  build({
    ...common,
    entryPoints: NODE_ENTRIES,
    platform: "node",
    format: "esm",
    splitting: true,
    packages: "external",
    define: { IS_BUILT: "true" },
    chunkNames: "shared-[hash]",
  }),
  build({
    ...common,
    entryPoints: NODE_ENTRIES,
    platform: "node",
    format: "cjs",
    outExtension: { ".js": ".cjs" },
    packages: "external",
    define: { IS_BUILT: "true", "import.meta.url": "moduleUrl" },
    banner: { js: 'const moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
  }),
  forBrowsers(),
  types(),
]);

/**
 * Pages load these files: swc makes them smaller than esbuild alone does. Test runners that take a page's files for
 * CommonJS, as Jest does with jsdom, get the same in that form.
 */
async function forBrowsers() {
  await mkdir(dist, { recursive: true });
  const agent = { entry: { browser: "src/browser.ts" }, define: { ASKS_FOR_NO_HISTORY: "true" } };
  const fleet = { entry: { fleet: "src/fleet/browser.ts" } };
  for (const [format, extension, { entry, define }] of [agent, fleet].flatMap((page) => [
    ["esm", ".js", page],
    ["cjs", ".cjs", page],
  ])) {
    const { outputFiles } = await build({
      ...common,
      entryPoints: entry,
      define: { IN_BROWSER: "true", ...define },
      platform: "browser",
      format,
      outExtension: { ".js": extension },
      minify: true,
      mangleProps: new RegExp(`^(${Object.keys(SHORT_NAMES).join("|")})$`),
      mangleCache: SHORT_NAMES,
      write: false,
      // Otherwise each property of a constructor is declared once more.
      tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    });
    for (const { path, text } of outputFiles) {
      const options = {
        module: format === "esm",
        compress: { passes: 3, collapse_vars: false },
        mangle: true,
      };
      await writeFile(path, (await minify(text, options)).code);
    }
  }
}

async function types() {
  try {
    await promisify(execFile)(process.execPath, [typescript, "-p", "tsconfig.types.json"], {
      cwd: root,
    });
  } catch (error) {
    throw new Error(`the SDK's types do not compile:\n${error.stdout ?? ""}`, { cause: error });
  }
  const files = await readdir(dist, { recursive: true });
  await Promise.all(
    files
      .filter((file) => file.endsWith(".d.ts"))
      .map(async (file) => {
        const path = join(dist, file);
        const text = await readFile(path, "utf8");
        await writeFile(path, await withExtensions(text, path, ".js"));
        await writeFile(path.replace(/ts$/, "cts"), await withExtensions(text, path, ".cjs"));
      }),
  );
}

/** Node's resolution wants whole file names, which the sources leave out. */
async function withExtensions(text, path, extension) {
  const specifiers = new Set(
    [...text.matchAll(/(?:from|import\()\s*"(\.[^"]*)"/g)].map((m) => m[1]),
  );
  let result = text;
  for (const specifier of specifiers) {
    const target = join(dirname(path), specifier);
    const isFile = await access(`${target}.d.ts`).then(
      () => true,
      () => false,
    );
    const whole = relative(dirname(path), isFile ? target : join(target, "index"));
    const written = whole.startsWith(".") ? whole : `./${whole}`;
    result = result.replaceAll(`"${specifier}"`, `"${written}${extension}"`);
  }
  return result;
}
