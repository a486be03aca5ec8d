/** Starts MiniStack, an AWS emulator, as a separate process without persistent state. */

import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "../../local/aws/engine/free-port";
import { spawnGuarded } from "../../local/aws/processes/parent-death-guard";
import { pythonTool } from "../verify/python";
import { type Emulation, emulatorHost, emulatorUrl } from "./emulation";
import { startSubprotocolProxy } from "./subprotocol-proxy";

const ATTEMPTS = 150;
const PAUSE_MS = 200;

export interface MiniStack extends Emulation {
  /** For example `ministack 1.5.33`. */
  name: string;
  stop(): Promise<void>;
}

/** The emulator accepts any credentials. With these the account is 000000000000. */
export const EMULATOR_ACCOUNT = {
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
};

/**
 * @param directory where the emulator writes its log
 * @throws ToolMissing if it can't be installed on this machine
 */
export async function startMiniStack(directory: string, signal?: AbortSignal): Promise<MiniStack> {
  const tool = await pythonTool("ministack", signal);
  const port = await freePort();
  const proxy = await startSubprotocolProxy(port);
  const emulation = { port, clientPort: proxy.port };
  mkdirSync(directory, { recursive: true });
  const emulator = spawnGuarded(tool.command, [], {
    cwd: directory,
    output: "pipe",
    env: {
      ...process.env,
      GATEWAY_PORT: String(port),
      BIND_HOST: "127.0.0.1",
      MINISTACK_HOST: emulatorHost(emulation),
    },
  });
  const log = createWriteStream(join(directory, "ministack.log"));
  emulator.child.stdout?.pipe(log, { end: false });
  emulator.child.stderr?.pipe(log, { end: false });
  const stop = async () => {
    await Promise.all([emulator.stop(), proxy.stop()]);
    log.end();
  };
  for (let attempt = 0; attempt < ATTEMPTS && emulator.child.exitCode === null; attempt++) {
    if (await answers(`${emulatorUrl(emulation)}/_ministack/health`)) {
      return { ...emulation, name: tool.name, stop };
    }
    await wait(PAUSE_MS);
  }
  await stop();
  throw new Error(`${tool.name} does not start: see ${log.path}`);
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  );
}
