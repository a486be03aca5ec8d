/** The same stack deployed to the emulator MiniStack by the real CDK command line. Arguments: how many agents are registered. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cdk, synthesizeStack } from "../../test/deployment/cdk";
import { clientsFor } from "../../test/deployment/clients";
import { emulatorUrl } from "../../test/deployment/emulation";
import { EMULATOR_ACCOUNT, startMiniStack } from "../../test/deployment/ministack";
import { outputsOf } from "../../test/deployment/stack";
import { registered } from "./agents";

const STACK = "AgentHeartbeatBench";
const [, , agents = "0"] = process.argv;

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
  const key = await registered(
    clients.dynamoDb,
    outputs.get("RegistryTableName") ?? "",
    Number(agents),
  );
  process.send?.({ url: outputs.get("WebSocketUrl"), key, name: emulator.name });
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
