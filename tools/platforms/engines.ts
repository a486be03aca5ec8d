/** Node.js with the flags that people give it, its worker threads, Bun and Deno. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { output, save } from "../packages/project";
import {
  expectUsed,
  IMPORT,
  MissingPlatform,
  type Platform,
  PRINT,
  REQUIRE,
  useOf,
} from "./platform";

const THREADS = { heartbeatThread: true };

export const node: Platform = {
  name: "node",
  packages: [],
  async run(trial) {
    const { project } = trial;
    for (const [kind, more] of Object.entries({ inline: {}, thread: THREADS })) {
      save(project, `${kind}.mjs`, IMPORT + useOf(trial, `esm-${kind}`, more) + PRINT);
      save(project, `${kind}.cjs`, REQUIRE + useOf(trial, `cjs-${kind}`, more) + PRINT);
    }
    save(project, "nothing.cjs", "");
    const text = IMPORT + useOf(trial, "eval", THREADS) + PRINT;
    const ways = [
      ["inline.mjs"],
      ["inline.cjs"],
      ["thread.mjs"],
      ["thread.cjs"],
      ["--require", "./nothing.cjs", "thread.cjs"],
      ["--import", "./nothing.cjs", "thread.mjs"],
      ["--inspect=0", "thread.mjs"],
      ["--conditions", "browser", "--experimental-websocket", "inline.mjs"],
      ["--conditions", "browser", "--experimental-websocket", "inline.cjs"],
      ["--input-type=module", "--eval", text],
    ];
    for (const way of ways) expectUsed(await output(project, process.execPath, ...way));
    return ways.map((way) => way.slice(0, 3).join(" ").split("\n", 1)[0] ?? "");
  },
};

/** A thread of the application inherits its flags, and the agent's own thread those of that one. */
export const workers: Platform = {
  name: "workers",
  packages: [],
  async run(trial) {
    const { project } = trial;
    save(project, "nothing.cjs", "");
    save(project, "inline.mjs", IMPORT + useOf(trial, "worker") + PRINT);
    save(project, "thread.mjs", IMPORT + useOf(trial, "worker-thread", THREADS) + PRINT);
    const start = (file: string, options: string) =>
      `new (require("node:worker_threads").Worker)("./${file}", ${options});`;
    const tried: string[] = [];
    for (const file of ["inline.mjs", "thread.mjs"]) {
      for (const options of ['{ execArgv: ["--require", "./nothing.cjs"] }', "{}", "{ env: {} }"]) {
        save(project, "main.cjs", start(file, options));
        for (const flags of [[], ["--require", "./nothing.cjs"], ["--enable-source-maps"]]) {
          expectUsed(await output(project, process.execPath, ...flags, "main.cjs"));
        }
        tried.push(`${file} with ${options}`);
      }
    }
    return tried;
  },
};

/** The program in a package of one platform, which is a link elsewhere only after its install script. */
function programIn(directory: string, scope: string, prefix: string, path: string): string {
  const folder = join(directory, "node_modules", scope);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const programs = names
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(folder, name, path));
  const program = programs.find((file) => existsSync(file));
  if (!program) throw new MissingPlatform(`${scope} has no program for this machine`);
  return program;
}

export const bun: Platform = {
  name: "bun",
  packages: ["bun@1"],
  async run(trial) {
    const { project } = trial;
    const program = programIn(project.directory, "@oven", "bun-", "bin/bun");
    save(project, "esm.mjs", IMPORT + useOf(trial, "bun") + PRINT);
    save(project, "cjs.cjs", REQUIRE + useOf(trial, "bun-cjs") + PRINT);
    save(project, "thread.mjs", IMPORT + useOf(trial, "bun-thread", THREADS) + PRINT);
    const files = ["esm.mjs", "cjs.cjs", "thread.mjs"];
    for (const file of files) expectUsed(await output(project, program, file));
    return files;
  },
};

export const deno: Platform = {
  name: "deno",
  packages: ["deno@2"],
  async run(trial) {
    const { project } = trial;
    const program = programIn(project.directory, "@deno", "", "deno");
    save(project, "esm.mjs", IMPORT + useOf(trial, "deno") + PRINT);
    save(project, "thread.mjs", IMPORT + useOf(trial, "deno-thread", THREADS) + PRINT);
    const files = ["esm.mjs", "thread.mjs"];
    const flags = ["run", "--allow-all", "--node-modules-dir=manual", "--quiet"];
    for (const file of files) expectUsed(await output(project, program, ...flags, file));
    return files;
  },
};
