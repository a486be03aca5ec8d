/** Sends a message as a request and prints its answer, as an agent that is registered for it and then removed. */

import type { Deployment } from "../deployment/deployment";
import { temporaryClient } from "../deployment/temporary-agent";
import type { Io } from "../io";
import { aborted } from "../terminal/aborted";
import { printableJson } from "../terminal/printable";
import { checkMessage, type OutgoingMessage } from "./message";

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
  const { printer } = deployment;
  const { HeartbeatAgent } = await import("@agent-heartbeat/sdk");
  const options = {
    role: "agent",
    lifetimeMs: timeout + MARGIN_MS,
    description: "waits for an answer to a message from the command line",
  } as const;
  const asker = await temporaryClient(deployment, options, io);
  const agent = new HeartbeatAgent(asker.options);
  const { agentId: to, capability, subject, data } = message;
  const begun = performance.now();
  try {
    await agent.start({ signal: AbortSignal.any([io.signal, AbortSignal.timeout(timeout)]) });
    const left = Math.max(timeout - (performance.now() - begun), 100);
    const answering = agent.request(subject, data, { to, capability, timeout: left / 1000 });
    const answer = await Promise.race([answering, aborted(io.signal)]);
    if (io.signal.aborted) return;
    if (printer.json) printer.value({ answer });
    else printer.lines(printableJson(answer ?? null));
  } catch (error) {
    if (!io.signal.aborted) throw error;
  } finally {
    await agent.stop();
    await asker.remove();
  }
}
