/**
 * Builds the package into `dist`, ready to be packed: the construct in one file with its types, the functions'
 * code and the dashboard's page, so that an app that installs it has nothing to bundle.
 */

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const repository = dirname(root);
const dist = process.argv[2] ?? join(root, "dist");
const run = promisify(execFile);
const require = createRequire(import.meta.url);

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
const temporary = await mkdtemp(join(tmpdir(), "agent-heartbeat-cdk-"));
try {
  await Promise.all([construct(), types(), assets(), manifest()]);
} finally {
  await rm(temporary, { recursive: true, force: true });
}

async function construct() {
  await build({
    absWorkingDir: root,
    entryPoints: ["index.ts"],
    outfile: join(dist, "index.js"),
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    external: ["aws-cdk-lib", "constructs"],
    conditions: ["agent-heartbeat-prebuilt", "agent-heartbeat-source"],
    logLevel: "warning",
  });
}

async function types() {
  const outDir = join(temporary, "types");
  const flags = ["-p", join(root, "tsconfig.types.json"), "--outDir", outDir];
  await run(process.execPath, [require.resolve("typescript/bin/tsc"), ...flags]).catch((error) => {
    throw new Error(`the types do not compile:\n${error.stdout ?? ""}`, { cause: error });
  });
  const declared = join(outDir, "lib");
  for (const file of await readdir(declared)) {
    if (file.endsWith(".d.ts")) await cp(join(declared, file), join(dist, file));
  }
}

/** The very assets of a synthesized app: what is published is what a checkout deploys. */
async function assets() {
  const assembly = join(temporary, "cdk.out");
  const source = ["--conditions=agent-heartbeat-source", "--import", "tsx"];
  await run(process.execPath, [...source, join(root, "assets", "app.ts")], {
    cwd: repository,
    env: { ...process.env, CDK_OUTDIR: assembly },
  });
  const templates = (await readdir(assembly)).filter((file) => file.endsWith(".template.json"));
  for (const file of templates) await copyAssetsOf(join(assembly, file), assembly);
}

async function copyAssetsOf(template, assembly) {
  const { Resources } = JSON.parse(await readFile(template, "utf8"));
  for (const { Type, Properties } of Object.values(Resources)) {
    const entry = Properties?.Environment?.Variables?.POWERTOOLS_SERVICE_NAME;
    if (Type === "AWS::Lambda::Function" && entry !== undefined) {
      await copyAsset(assembly, Properties.Code.S3Key, join("lambda", entry));
    }
    // The one layer there is.
    if (Type === "AWS::Lambda::LayerVersion") {
      await copyAsset(assembly, Properties.Content.S3Key, "dashboard");
    }
  }
}

async function copyAsset(assembly, objectKey, target) {
  const source = join(assembly, `asset.${objectKey.replace(/\.zip$/, "")}`);
  await cp(source, join(dist, target), {
    recursive: true,
    filter: (path) => !path.endsWith(".fingerprint"),
  });
}

/** What is packed: with no word of the sources, which stay in the repository. */
async function manifest() {
  const {
    private: _,
    scripts,
    imports,
    exports,
    ...rest
  } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const published = {
    ...rest,
    exports: {
      ".": { types: "./index.d.ts", default: "./index.js" },
      "./package.json": "./package.json",
    },
  };
  await writeFile(join(dist, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
  await cp(join(root, "README.md"), join(dist, "README.md"));
  await cp(join(repository, "LICENSE"), join(dist, "LICENSE"));
}
