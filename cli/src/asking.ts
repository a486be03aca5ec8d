/** Sends a message as a request and prints its answer, as an agent that is registered for it and then removed. */

import type { Deployment } from "./deployment";
import type { Io } from "./io";
import { checkMessage, type OutgoingMessage } from "./message";
import { printable, printableJson } from "./printable";
import { pemOf, registerTemporarily } from "./temporary-agent";

/** To connect and to leave: the registration lasts so much longer than the request. */
const MARGIN_MS = 60_000;

/**
 * Sends a message and prints the answer. An interruption ends the wait.
 *
 * @param timeout how long to wait, in milliseconds
 * @throws CliError if the message can't be sent; the client's error if there is no answer, or the answer is an error
 */
export async function ask(
  deployment: Deployment,
  message: OutgoingMessage,
  timeout: number,
  io: Io,
): Promise<void> {
  checkMessage(message);
  const { organizationId, target, registry, printer } = deployment;
  const { HeartbeatAgent } = await import("@agent-heartbeat/sdk");
  const { agentId, privateKey } = await registerTemporarily(deployment, {
    role: "agent",
    lifetimeMs: timeout + MARGIN_MS,
    description: "waits for an answer to a message from the command line",
  });
  const log = (text: string) => io.stderr.write(`agent-heartbeat: ${printable(text)}\n`);
  const agent = new HeartbeatAgent({
    agentId,
    organizationId,
    url: target.webSocketUrl,
    privateKey: pemOf(privateKey),
    logger: { warn: log, error: log },
  });
  const { agentId: to, capability, subject, data } = message;
  const begun = performance.now();
  try {
    await agent.start({ signal: AbortSignal.any([io.signal, AbortSignal.timeout(timeout)]) });
    const left = Math.max(timeout - (performance.now() - begun), 100);
    const options = { to, capability, timeout: left / 1000 };
    const answer = await Promise.race([agent.request(subject, data, options), rejected(io.signal)]);
    if (printer.json) printer.value({ answer });
    else printer.lines(printableJson(answer ?? null));
  } catch (error) {
    if (!io.signal.aborted) throw error;
  } finally {
    await agent.stop();
    await registry.remove({ organizationId, agentId });
  }
}

/** Rejects when the signal is aborted. */
const rejected = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
