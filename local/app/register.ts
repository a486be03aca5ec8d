/** Registers agents of this machine with new keys. */

import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { AgentHeartbeatError, AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { LocalRuntimeError } from "../aws/errors";
import { type LocalService, localDynamoDb } from "./service";

interface AgentName {
  organizationId: string;
  agentId: string;
}

/**
 * Registers agents, each with a new key in `<directory>/<organization>/<agent>.pem`, which is removed when this process exits.
 *
 * @throws LocalRuntimeError if a name can't be registered
 */
export async function registerAnew(
  { outputs }: LocalService,
  agents: readonly AgentName[],
  directory: string,
): Promise<(AgentName & { privateKeyPath: string })[]> {
  const client = localDynamoDb(outputs);
  const registry = new AgentRegistry({ client, ...outputs });
  const registered: (AgentName & { privateKeyPath: string })[] = [];
  try {
    for (const name of agents) {
      const [folder, file] = [name.organizationId, name.agentId].map(encodeURIComponent);
      const privateKeyPath = join(directory, `${folder}`, `${file}.pem`);
      process.once("exit", () => removeKey(privateKeyPath));
      await registerWithKey(registry, name, privateKeyPath);
      registered.push({ ...name, privateKeyPath });
    }
  } catch (cause) {
    if (!(cause instanceof AgentHeartbeatError)) throw cause;
    throw new LocalRuntimeError(`--agent: ${cause.message}`, { cause });
  } finally {
    client.destroy();
  }
  return registered;
}

function removeKey(path: string): void {
  rmSync(path, { force: true });
  try {
    rmdirSync(dirname(path));
  } catch {
    // It does not exist, or there are other files in it.
  }
}

/** Registers an agent with a new key, replacing an earlier registration. */
export async function registerWithKey(
  registry: AgentRegistry,
  name: AgentName,
  privateKeyPath: string,
): Promise<void> {
  if (await registry.get(name)) await registry.remove(name);
  const { publicKey, privateKey } = generateKeyPairSync("ed25519", {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  await registry.register({ ...name, publicKey, description: "Made by agent-heartbeat local" });
  mkdirSync(dirname(privateKeyPath), { recursive: true, mode: 0o700 });
  rmSync(privateKeyPath, { force: true });
  writeFileSync(privateKeyPath, privateKey, { mode: 0o600 });
}
