/**
 * The processes of the same agents beside a group's own. One of them may end the group's agents, which go on when it has gone: an
 * agent that was superseded is restarted by whoever runs it.
 */

export class Rivals {
  #present = 0;
  /** Agents that had another process since they were started. */
  readonly #contested = new Set<string>();

  /** Another process of these agents starts. */
  come(agentIds: readonly string[]): void {
    this.#present += 1;
    for (const agentId of agentIds) this.#contested.add(agentId);
  }

  go(): void {
    this.#present -= 1;
  }

  /** Whether to restart an agent of the group that was superseded: no other process is left. */
  get haveGone(): boolean {
    return this.#present === 0;
  }

  /** An agent of the group was superseded. @returns whether there has been one since it was started */
  explain(agentId: string): boolean {
    return this.#contested.has(agentId);
  }

  /** An agent of the group is restarted. Later ends belong to the new process. */
  restarted(agentId: string): void {
    if (this.haveGone) this.#contested.delete(agentId);
  }
}
