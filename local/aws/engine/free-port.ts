/** Finds a free port for a process that can't choose one itself. */

import { once } from "node:events";
import { createServer } from "node:net";
import { LocalRuntimeError } from "../errors";

/** A port that is not in use. Another process may take it later. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new LocalRuntimeError("No free port");
  return address.port;
}
