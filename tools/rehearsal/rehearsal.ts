/** What a rehearsal is: something breaks, somebody repairs it by the runbook, and each claim is judged. */

import { randomUUID } from "node:crypto";
import { BareClient } from "../../testing/e2e/client";
import { type TestKey, testKey } from "../../testing/login";
import type { Region } from "./region";

/** One page of the runbook, played. */
export interface Rehearsal {
  name: string;
  /** The heading in docs/operations.md that it plays. */
  heading: string;
  play(scene: Scene): Promise<void>;
}

/** Where a rehearsal takes place, and what it says. */
export interface Scene {
  organizationId: string;
  /** The deployment that something happens to. */
  home: Region;
  /** Starts another one, of the same template. */
  openRegion(): Promise<Region>;
  /** Tells what was done. */
  did(what: string): void;
  /** Tells whether something is as it should be. */
  judge(claim: string, holds: boolean): void;
}

/** An agent of the scene's organization, with the key that it signs with. */
export interface Actor {
  agentId: string;
  key: TestKey;
}

/** Registers an agent at home. */
export async function register({ home, organizationId }: Scene, agentId: string): Promise<Actor> {
  const key = await testKey("ES256");
  const { registry } = home.target;
  await registry.register({ organizationId, agentId, publicKey: key.jwk as never });
  return { agentId, key };
}

/** Connects an agent, and lets it send its first heartbeat. */
export async function connect(
  { organizationId }: Scene,
  { target }: Region,
  { agentId, key }: Actor,
): Promise<BareClient> {
  const ids = { org: organizationId, iss: agentId, sub: agentId, instance_id: randomUUID() };
  const client = await BareClient.connect(target.url, key, ids);
  await client.ask({ type: "heartbeat" });
  return client;
}

/** The status with which an agent's login is refused, or null if it is let in. */
export async function refusalOf(
  scene: Scene,
  region: Region,
  actor: Actor,
): Promise<number | null> {
  try {
    await (await connect(scene, region, actor)).close();
    return null;
  } catch (error) {
    const { statusCode } = error as { statusCode?: number };
    if (statusCode === undefined) throw error;
    return statusCode;
  }
}

/** Whether a connection's heartbeat is acknowledged. */
export async function isAcknowledged(client: BareClient): Promise<boolean> {
  return (await client.ask({ type: "heartbeat" })).type === "heartbeat_ack";
}

/** `online`, `offline`, or undefined of an agent that nothing is known of. */
export async function statusOf({ organizationId }: Scene, { target }: Region, agentId: string) {
  return (await target.statuses.getAgent(organizationId, agentId))?.status;
}
