/**
 * Runs the service on the local runtime. Arguments: the assembly, the number of agents to register,
 * and the stack's name if there are several.
 */

import { startLocalService } from "../../../local/app/service";
import { clientOf } from "../../../testing/engine";
import { registered } from "./agents";

const [, , assemblyDirectory = "", agents = "0", stackName] = process.argv;

async function main(): Promise<void> {
  const runtime = await startLocalService({
    assemblyDirectory,
    schedules: false,
    ...(stackName !== undefined && { stackName }),
  });
  const { dynamoDbEndpoint, registryTableName, webSocketUrl } = runtime.outputs;
  const client = clientOf(dynamoDbEndpoint);
  const key = await registered(client, registryTableName, Number(agents));
  client.destroy();
  process.send?.({ url: webSocketUrl, key });
  process.on("disconnect", () => void runtime.stop());
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
