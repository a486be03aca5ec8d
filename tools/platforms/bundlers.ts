/** Bundlers, and a framework that bundles, for pages and for Node.js. What they write is run: a page's bundle in Node.js with its standard WebSocket. */

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { output, save, withPrograms } from "../packages/project";
import { expectUsed, IMPORT, type Platform, PRINT, type Trial, useOf } from "./platform";

const AS_PAGE = ["--experimental-websocket", "--no-warnings"];

/** Bundles may be renamed and moved, and so find no file of a thread: heartbeats stay in the caller's. */
function saveSource(trial: Trial, agentId: string): void {
  save(trial.project, "source.mjs", IMPORT + useOf(trial, agentId) + PRINT);
}

export const esbuild: Platform = {
  name: "esbuild",
  packages: ["esbuild@0.28"],
  async run(trial) {
    const { project } = trial;
    saveSource(trial, "esbuild");
    const bundle = (out: string, ...flags: string[]) =>
      output(project, "npx", "esbuild", "source.mjs", "--bundle", `--outfile=${out}`, ...flags);
    await bundle("page.mjs", "--platform=browser", "--format=esm", "--minify");
    expectUsed(await output(project, process.execPath, ...AS_PAGE, "page.mjs"));
    await bundle("node.cjs", "--platform=node", "--log-override:empty-import-meta=silent");
    expectUsed(await output(project, process.execPath, "node.cjs"));
    return ["platform browser", "platform node"];
  },
};

export const webpack: Platform = {
  name: "webpack",
  packages: ["webpack@5", "webpack-cli@7"],
  async run(trial) {
    const { project } = trial;
    saveSource(trial, "webpack");
    save(
      project,
      "webpack.config.cjs",
      `const common = {
  mode: "production",
  entry: "./source.mjs",
  performance: false,
  // Packages that ws uses only if they are there.
  ignoreWarnings: [/bufferutil|utf-8-validate/],
};
const output = (filename) => ({ path: __dirname, filename, globalObject: "globalThis" });
module.exports = [
  { ...common, target: "web", output: output("page.cjs") },
  { ...common, target: "node", output: output("node.cjs") },
];`,
    );
    await output(project, "npx", "webpack", "--fail-on-warnings");
    expectUsed(await output(project, process.execPath, ...AS_PAGE, "page.cjs"));
    expectUsed(await output(project, process.execPath, "node.cjs"));
    return ["target web", "target node"];
  },
};

export const vite: Platform = {
  name: "vite",
  packages: ["vite@8"],
  async run(trial) {
    const { project } = trial;
    saveSource(trial, "vite");
    save(project, "index.html", '<!doctype html><script type="module" src="/source.mjs"></script>');
    save(
      project,
      "vite.config.mjs",
      "export default { build: { modulePreload: { polyfill: false } } };",
    );
    await output(project, "npx", "vite", "build");
    const assets = join(project.directory, "dist", "assets");
    const [file = ""] = readdirSync(assets).filter((name) => name.endsWith(".js"));
    save(project, "page.mjs", `import "./dist/assets/${file}";`);
    expectUsed(await output(project, process.execPath, ...AS_PAGE, "page.mjs"));
    return ["build for a page"];
  },
};

export const next: Platform = {
  name: "next",
  packages: ["next@16", "react@19", "react-dom@19"],
  async run(trial) {
    const { project } = trial;
    await output(project, "npm", "pkg", "delete", "type");
    mkdirSync(join(project.directory, "app", "api"), { recursive: true });
    save(
      project,
      "app/layout.js",
      "export default ({ children }) => <html lang='en'><body>{children}</body></html>;",
    );
    save(
      project,
      "app/page.js",
      `"use client";
import { useEffect, useState } from "react";
import { FleetWatcher } from "@agent-heartbeat/sdk/fleet";
export default function Page() {
  const [agents, setAgents] = useState([]);
  useEffect(() => {
    const fleet = new FleetWatcher({ agentId: "v", organizationId: "o", url: "wss://x", privateKey: "" });
    fleet.on("change", () => setAgents([...fleet.agents.values()]));
    return () => void fleet.stop();
  }, []);
  return agents.map(({ agentId, status }) => <p key={agentId}>{status}</p>);
}`,
    );
    save(
      project,
      "app/api/route.js",
      `${IMPORT}${useOf(trial, "next")}
export const dynamic = "force-dynamic";
export async function GET() {
  return new Response(await use());
}`,
    );
    for (const bundler of ["--turbopack", "--webpack"]) {
      // Next.js gives webpack an empty module in place of native ones, which ws does not expect.
      const external = bundler === "--webpack" ? ["@agent-heartbeat/sdk"] : [];
      const config = { serverExternalPackages: external };
      save(project, "next.config.mjs", `export default ${JSON.stringify(config)};`);
      await output(project, "npx", "next", "build", bundler);
      await withPrograms(async (start) => {
        const server = start(project, "npx", "next", "start", "--port", "0");
        const [, address = ""] =
          (await server.prints(/(http:\/\/localhost:\d+)/)).match(/(http:\/\/localhost:\d+)/) ?? [];
        await server.prints("Ready");
        expectUsed(await (await fetch(`${address}/api`)).text());
        await (await fetch(address)).text();
      });
    }
    return ["Turbopack", "webpack"].map((name) => `route and page by ${name}`);
  },
};
