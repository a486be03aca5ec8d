/** Tells an application what happens to its agent: by events, by an iterator of states, and in its log. */

import type { AgentEvents } from "./agent-events";
import { errorOf } from "./connection/failure";
import type { FailedAttempt } from "./connection/manager-port";
import { isFinal, type StateChange } from "./connection/state";
import { Channel, Emitter } from "./emitter";
import type { DropReason, MessageReporter } from "./messaging/dispatcher";
import type { Logger } from "./options";
import { describe } from "./user-code";

export class AgentEventReporter extends Emitter<AgentEvents> implements MessageReporter {
  readonly #channels = new Set<Channel<StateChange>>();
  #dropped = 0;

  constructor(
    private readonly agentId: string,
    private readonly logger: Logger,
  ) {
    super((error) => this.#error(`a listener failed: ${describe(error, "stack")}`));
  }

  /** @param ended whether there will be none any more */
  stateChanges(ended: boolean): AsyncIterableIterator<StateChange> {
    const channel: Channel<StateChange> = new Channel(() => this.#channels.delete(channel));
    this.#channels.add(channel);
    if (ended) channel.end();
    return channel;
  }

  state(change: StateChange): void {
    if (change.reason === "superseded") {
      this.warn(`another process with the same agent id has taken over: ${change.state}`);
    }
    this.emit("state", change);
    for (const channel of [...this.#channels]) {
      channel.push(change);
      if (isFinal(change.state)) channel.end();
    }
  }

  attemptFailed(attempt: FailedAttempt): void {
    const error = errorOf(this.agentId, attempt.failure);
    const { retryInMs } = attempt;
    const next = retryInMs === null ? "" : `; trying again in ${(retryInMs / 1000).toFixed(1)} s`;
    const { kind } = attempt.failure;
    const isSevere = kind === "refused" || kind === "conflict";
    this.logger[isSevere ? "error" : "warn"](error.message + next);
    this.emit("attemptFailed", { ...attempt, error });
  }

  reportFailure(subject: string, error: unknown): void {
    this.#error(`a handler of ${subject} failed: ${describe(error, "stack")}`);
    this.emit("handlerError", { subject, error });
  }

  reportDrop(subject: string, reason: DropReason): void {
    this.#dropped += 1;
    // The first, the tenth, the hundredth: a flood of messages must not become one of lines.
    if (Number.isInteger(Math.log10(this.#dropped))) {
      this.warn(`a message on ${subject} was dropped (${reason}); so far ${this.#dropped}`);
    }
    this.emit("messageDropped", { subject, reason, dropped: this.#dropped });
  }

  protocolError(message: string): void {
    this.warn(message);
    this.emit("protocolError", { message });
  }

  warn(message: string): void {
    this.logger.warn(`${this.agentId}: ${message}`);
  }

  #error(message: string): void {
    this.logger.error(`${this.agentId}: ${message}`);
  }
}
