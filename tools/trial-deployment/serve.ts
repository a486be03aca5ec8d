/**
 * Deploys the stack to MiniStack for another program, sends it the addresses, and runs until the
 * IPC channel closes.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cdk, synthesizeStack } from "./cdk";
import { clientsFor } from "./clients";
import { emulatorUrl } from "./emulation";
import { EMULATOR_ACCOUNT, startMiniStack } from "./ministack";
import { outputsOf } from "./stack";

const STACK = "AgentHeartbeat";

/** The message sent to the parent process. */
export interface Deployed {
  /** For example `ministack 1.5.33`. */
  name: string;
  url: string;
  registryTableName: string;
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "agent-heartbeat-bench-"));
  const emulator = await startMiniStack(directory);
  const config = { endpoint: emulatorUrl(emulator), ...EMULATOR_ACCOUNT };
  const { credentials, region, endpoint } = config;
  const options = {
    signal: new AbortController().signal,
    assembly: join(directory, "cdk.out"),
    env: {
      ...process.env,
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
    },
  };
  const { port, clientPort } = emulator;
  const emulation = JSON.stringify({ port, clientPort });
  await synthesizeStack({ stackName: STACK, emulation }, options);
  await cdk(["bootstrap", "--app", options.assembly], options);
  await cdk(["deploy", "--app", options.assembly, "--require-approval", "never"], options);
  const clients = clientsFor(config);
  const outputs = await outputsOf(clients, STACK);
  const output = (name: string) => outputs.get(name) ?? "";
  process.send?.({
    name: emulator.name,
    url: output("WebSocketUrl"),
    registryTableName: output("RegistryTableName"),
    ...config,
  } satisfies Deployed);
  process.on("disconnect", async () => {
    for (const client of Object.values(clients)) client.destroy();
    await emulator.stop();
    rmSync(directory, { recursive: true, force: true });
    process.exit();
  });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
