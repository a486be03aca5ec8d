/**
 * What a connected client costs: memory and CPU time of many in one process, ours beside the bare
 * connections of others. Run: npm run bench:client -- [clients] [seconds]
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { KINDS } from "./clients";

const clients = Number(process.argv[2] ?? 1000);
const seconds = Number(process.argv[3] ?? 60);

const server = start("server.ts", []);
const [ports] = await once(server, "message");

console.log(`${clients} clients in one process, ${seconds} s, Node.js ${process.version}\n`);
console.log("client                               memory each   CPU each");
for (const kind of Object.keys(KINDS)) {
  const measured = start("measure.ts", [
    kind,
    String(clients),
    String(seconds),
    JSON.stringify(ports),
  ]);
  const [{ bytes, cpuMs }] = await once(measured, "message");
  const memory = `${(bytes / 1024).toFixed(1)} KB`.padStart(11);
  const cpu = `${((cpuMs / seconds) * 60).toFixed(2)} ms/min`.padStart(13);
  console.log(`${kind.padEnd(36)}${memory}${cpu}`);
  await once(measured, "exit");
}
server.kill();

function start(file: string, args: string[]): ChildProcess {
  const flags = ["--expose-gc", "--conditions=agent-heartbeat-source", "--import", "tsx"];
  return spawn(process.execPath, [...flags, join(import.meta.dirname, file), ...args], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}
