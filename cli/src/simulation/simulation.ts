/** Runs a fleet of real agents against a deployment: registers it, lets it work, and removes it. */

import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { AwsIdentity } from "@agent-heartbeat/sdk";
import pLimit from "p-limit";
import type { Deployment } from "../deployment/deployment";
import type { Io } from "../io";
import { ProgressBar } from "../terminal/progress";
import { Measurements } from "./measurements";
import { reportOf, type SimulationReport } from "./report";
import { SimulatedAgent } from "./simulated-agent";
import { type RunOptions, SimulationRun } from "./simulation-run";

export interface SimulationOptions extends RunOptions {
  agents: number;
  prefix: string;
  /** With it, the agents register themselves. */
  enrolmentToken: string | undefined;
  /** By which role, if the token has no secret. */
  awsIdentity: AwsIdentity | undefined;
  heartbeatTransport: "websocket" | "http";
}

const REGISTRATIONS_AT_ONCE = 10;
const STOPS_AT_ONCE = 200;

/** Agents of a simulation that was killed itself go away by themselves after so long. */
const MARGIN_MS = 3_600_000;

/** Runs until its time is over or the person interrupts; then leaves nothing behind. */
export async function simulate(
  deployment: Deployment,
  options: SimulationOptions,
  io: Io,
): Promise<SimulationReport> {
  const { signal } = io;
  const { enrolmentToken, awsIdentity, heartbeatTransport } = options;
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const needsHttp = enrolmentToken !== undefined || heartbeatTransport === "http";
  const settings = {
    ...(enrolmentToken ? { enrolmentToken, awsIdentity } : { privateKey: pem }),
    ...(needsHttp && { httpUrl: deployment.target.httpUrl }),
    heartbeatTransport,
  };
  const ids = idsOf(options);
  const measurements = new Measurements();
  const { HeartbeatAgent } = await import("@agent-heartbeat/sdk");
  const agents = new Map(
    ids.map((agentId) => [
      agentId,
      new SimulatedAgent({
        agentId,
        organizationId: deployment.organizationId,
        url: deployment.target.webSocketUrl,
        settings,
        heartbeatInterval: options.heartbeatInterval,
        measurements,
        now: io.now,
        create: (agentOptions) => new HeartbeatAgent(agentOptions),
      }),
    ]),
  );
  const registered: string[] = [];
  let notRemoved: string[] = [];
  let durationMs = 0;
  try {
    const spki = publicKey.export({ type: "spki", format: "pem" }).toString();
    if (enrolmentToken) registered.push(...ids);
    else await register(ids, registered, { deployment, options, publicKey: spki, signal }, io);
    const startedAt = io.now();
    await new SimulationRun({ agents, deployment, options, measurements, io }).run();
    durationMs = io.now() - startedAt;
  } finally {
    await pLimit(STOPS_AT_ONCE).map([...agents.values()], (agent) => agent.stop());
    notRemoved = await remove(registered, deployment, io);
  }
  const connectedOnce = [...agents.values()].filter((agent) => agent.connectedOnce).length;
  return reportOf({ agents: ids.length, connectedOnce, durationMs, notRemoved }, measurements);
}

/** No two simulations share an agent. */
function idsOf({ agents, prefix }: SimulationOptions): string[] {
  const run = randomBytes(3).toString("hex");
  return Array.from(
    { length: agents },
    (_, index) => `${prefix}-${run}-${String(index + 1).padStart(5, "0")}`,
  );
}

interface RegisterContext {
  deployment: Deployment;
  options: SimulationOptions;
  publicKey: string;
  signal: AbortSignal;
}

async function register(
  ids: string[],
  registered: string[],
  { deployment, options, publicKey, signal }: RegisterContext,
  io: Io,
): Promise<void> {
  const { registry, organizationId, serverNow } = deployment;
  const expiresAt = (await serverNow()) + options.rampMs + options.durationMs + MARGIN_MS;
  const bar = new ProgressBar(ids.length, io);
  const registerOne = async (agentId: string) => {
    if (signal.aborted) return;
    const description = "simulated by the command line";
    // Before it is done: a request that seems to fail may have been carried out.
    registered.push(agentId);
    await registry.register({ organizationId, agentId, publicKey, description, expiresAt });
    bar.advance();
  };
  try {
    await pLimit(REGISTRATIONS_AT_ONCE).map(ids, registerOne);
  } finally {
    bar.clear();
  }
}

/** Returns the ids of those that are left. */
async function remove(agentIds: string[], deployment: Deployment, io: Io): Promise<string[]> {
  const { registry, organizationId } = deployment;
  const bar = new ProgressBar(agentIds.length, io);
  const left: string[] = [];
  await pLimit(REGISTRATIONS_AT_ONCE).map(agentIds, async (agentId) => {
    try {
      await registry.remove({ organizationId, agentId });
    } catch (error) {
      if ((error as Error).name !== "UnknownAgentError") left.push(agentId);
    }
    bar.advance();
  });
  bar.clear();
  return left;
}
