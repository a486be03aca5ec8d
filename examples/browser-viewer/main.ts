/**
 * Serves a page that lists an organization's agents live, and prints a link that signs in to it.
 */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { settingsFromEnvironment } from "../settings";

const { url, organizationId, agentId, privateKeyPath } = settingsFromEnvironment();

const [script] = buildSync({
  entryPoints: [join(__dirname, "page.ts")],
  bundle: true,
  write: false,
  format: "esm",
  conditions: process.execArgv.includes("--conditions=agent-heartbeat-source")
    ? ["agent-heartbeat-source"]
    : [],
}).outputFiles;

const files: Record<string, { type: string; text: string }> = {
  "/": { type: "text/html", text: readFileSync(join(__dirname, "index.html"), "utf8") },
  "/page.js": { type: "text/javascript", text: script?.text ?? "" },
};

const server = createServer(({ url: path = "" }, response) => {
  const file = files[path];
  if (!file) return void response.writeHead(404).end();
  response.writeHead(200, { "Content-Type": `${file.type}; charset=utf-8` }).end(file.text);
});

server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  // Browsers never send the fragment to a server. Give each person a viewer key with an expiry.
  const signIn = new URLSearchParams({
    url,
    organization: organizationId,
    agent: agentId,
    key: readFileSync(privateKeyPath, "utf8"),
  });
  console.log(`open http://127.0.0.1:${port}/#${signIn}`);
});
