/** A fleet that is watched with a viewer of the command's own, which it registers and removes. */

import type { FleetWatcher } from "@agent-heartbeat/sdk";
import type { Deployment } from "../deployment/deployment";
import { temporaryClient } from "../deployment/temporary-agent";
import type { Io } from "../io";
import { aborted } from "../terminal/aborted";

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
  const { FleetWatcher } = await import("@agent-heartbeat/sdk");
  const options = { role: "viewer", lifetimeMs, description } as const;
  const viewer = await temporaryClient(deployment, options, io);
  const watcher = new FleetWatcher(viewer.options);
  const stop = async () => {
    await watcher.stop();
    await viewer.remove();
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
