/** Holds the events of a connection manager until it has done its round, so that a listener finds nothing half done. */

import type { ManagerEvent } from "./manager-port";

export class Outbox {
  readonly #events: ManagerEvent[] = [];
  #flushing = false;

  constructor(private readonly emit: (event: ManagerEvent) => void) {}

  put(event: ManagerEvent): void {
    this.#events.push(event);
  }

  /** Emits what is there, in order. Events that a listener causes are emitted after those before them. */
  release(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    for (let event = this.#events.shift(); event; event = this.#events.shift()) this.emit(event);
    this.#flushing = false;
  }
}
