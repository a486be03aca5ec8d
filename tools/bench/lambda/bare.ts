/**
 * Generates a minimal function that makes the same AWS calls from constants, bundled in the same
 * way.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { BUNDLING } from "../../../lambda/build";
import type { Exchange } from "./exchange";

/** Bundles a handler that replays the calls in its event. Returns the bundle's path. */
export function buildBare(directory: string, name: string, calls: readonly string[]): string {
  mkdirSync(directory, { recursive: true });
  const outfile = join(directory, `${name}.js`);
  buildSync({
    ...BUNDLING,
    stdin: { contents: sourceFor(new Set(calls)), resolveDir: import.meta.dirname },
    outfile,
  });
  return outfile;
}

/** Converts recorded calls into an event for the bare handler. */
export function bareEvent(exchanges: readonly Exchange[]): unknown {
  return exchanges.map(({ call, input, path }) => {
    if (!call.startsWith("Connections")) return { call, input: JSON.parse(input) };
    const ConnectionId = decodeURIComponent(path.split("/").at(-1) ?? "");
    return { call, input: { ConnectionId, Data: input } };
  });
}

const CLIENTS: Readonly<Record<string, { module: string; client: string }>> = {
  DynamoDB: { module: "@aws-sdk/client-dynamodb", client: "DynamoDBClient" },
  EventBridge: { module: "@aws-sdk/client-eventbridge", client: "EventBridgeClient" },
  Connections: {
    module: "@aws-sdk/client-apigatewaymanagementapi",
    client: "ApiGatewayManagementApiClient",
  },
};

const COMMANDS: Readonly<Record<string, string>> = {
  "Connections.POST": "PostToConnectionCommand",
  "Connections.DELETE": "DeleteConnectionCommand",
};

function sourceFor(calls: ReadonlySet<string>): string {
  const services = new Set([...calls].map((call) => call.split(".")[0] ?? ""));
  const commandOf = (call: string) => COMMANDS[call] ?? `${call.split(".")[1]}Command`;
  const imports = [...services].map((service) => {
    const { module, client } = CLIENTS[service] as { module: string; client: string };
    const commands = [...calls].filter((call) => call.startsWith(service)).map(commandOf);
    return `import { ${[client, ...commands].join(", ")} } from "${module}";`;
  });
  const clients = [...services].map((service) => {
    const endpoint = service === "Connections" ? "{ endpoint: process.env.CALLBACK_URL }" : "{}";
    return `${service}: new ${CLIENTS[service]?.client}(${endpoint})`;
  });
  const commands = [...calls].map((call) => `"${call}": ${commandOf(call)}`);
  return `${imports.join("\n")}
const clients = { ${clients.join(", ")} };
const commands = { ${commands.join(", ")} };
export const handler = async (event) => {
  for (const { call, input } of event) {
    try {
      await clients[call.split(".")[0]].send(new commands[call](input));
    } catch (error) {
      // A failed condition is a regular outcome. Anything else is a failure.
      if (error.name !== "ConditionalCheckFailedException") throw error;
    }
  }
  return { statusCode: 200, body: '{"type":"heartbeat_ack"}' };
};`;
}
