/**
 * A rehearsal: something breaks, a runbook procedure repairs it, and each expected outcome is
 * checked.
 */

import { randomUUID } from "node:crypto";
import { BareClient } from "../../testing/e2e/client";
import { type TestKey, testKey } from "../../testing/login";
import type { Region } from "./region";

/** One runbook procedure. */
export interface Rehearsal {
  name: string;
  /** The heading in docs/operations.md. */
  heading: string;
  run(context: RehearsalContext): Promise<void>;
}

/** The environment of a rehearsal. */
export interface RehearsalContext {
  organizationId: string;
  /** The deployment that fails. */
  home: Region;
  /** Starts another deployment of the same template. */
  openRegion(): Promise<Region>;
  /** Logs a completed step. */
  step(what: string): void;
  /** Records whether an expectation is met. */
  expect(claim: string, holds: boolean): void;
}

/** An agent of the rehearsal's organization, with its signing key. */
export interface TestAgent {
  agentId: string;
  key: TestKey;
}

/** Registers an agent in the home region. */
export async function register(
  { home, organizationId }: RehearsalContext,
  agentId: string,
): Promise<TestAgent> {
  const key = await testKey("ES256");
  const { registry } = home.target;
  await registry.register({ organizationId, agentId, publicKey: key.jwk as never });
  return { agentId, key };
}

/** Connects an agent and sends its first heartbeat. */
export async function connect(
  { organizationId }: RehearsalContext,
  { target }: Region,
  { agentId, key }: TestAgent,
): Promise<BareClient> {
  const ids = { org: organizationId, iss: agentId, sub: agentId, instance_id: randomUUID() };
  const client = await BareClient.connect(target.url, key, ids);
  await client.ask({ type: "heartbeat" });
  return client;
}

/** The HTTP status with which a login is rejected, or null if it is accepted. */
export async function rejectionOf(
  context: RehearsalContext,
  region: Region,
  agent: TestAgent,
): Promise<number | null> {
  try {
    await (await connect(context, region, agent)).close();
    return null;
  } catch (error) {
    const { statusCode } = error as { statusCode?: number };
    if (statusCode === undefined) throw error;
    return statusCode;
  }
}

/** Whether a heartbeat on the connection is acknowledged. */
export async function isAcknowledged(client: BareClient): Promise<boolean> {
  return (await client.ask({ type: "heartbeat" })).type === "heartbeat_ack";
}

/** `online`, `offline`, or undefined for an unknown agent. */
export async function statusOf(
  { organizationId }: RehearsalContext,
  { target }: Region,
  agentId: string,
) {
  return (await target.statuses.getAgent(organizationId, agentId))?.status;
}
