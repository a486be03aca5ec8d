/** A fleet that is watched with a viewer of the command's own, which it registers and removes. */

import type { FleetWatcher } from "@agent-heartbeat/sdk";
import type { Deployment } from "./deployment";
import type { Io } from "./io";
import { printable } from "./printable";
import { pemOf, registerTemporarily } from "./temporary-agent";

export interface LiveFleet {
  watcher: FleetWatcher;
  /** Ends the connection and removes the viewer. */
  stop(): Promise<void>;
}

/**
 * Connects as a viewer that is registered for it.
 *
 * @param description of the registration, for people
 * @returns once every agent is in the map; undefined if the command was interrupted before
 */
export async function watchFleet(
  deployment: Deployment,
  { lifetimeMs, description }: { lifetimeMs: number; description: string },
  io: Io,
): Promise<LiveFleet | undefined> {
  const { organizationId, target, registry } = deployment;
  const { FleetWatcher } = await import("@agent-heartbeat/sdk");
  const { agentId, privateKey } = await registerTemporarily(deployment, {
    role: "viewer",
    lifetimeMs,
    description,
  });
  const log = (message: string) => io.stderr.write(`agent-heartbeat: ${printable(message)}\n`);
  const watcher = new FleetWatcher({
    agentId,
    organizationId,
    url: target.webSocketUrl,
    privateKey: pemOf(privateKey),
    logger: { warn: log, error: log },
  });
  const stop = async () => {
    await watcher.stop();
    await registry.remove({ organizationId, agentId });
  };
  try {
    await Promise.race([watcher.start(), aborted(io.signal)]);
  } catch (error) {
    await stop();
    throw error;
  }
  if (!io.signal.aborted) return { watcher, stop };
  await stop();
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
