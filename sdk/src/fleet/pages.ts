/** Reads the list of a fleet, page by page. */

import { LIMITS } from "../../../core/limits";
import type { AgentsMessage, ListMessage } from "../../../core/protocol";
import type { ClientConnection } from "../connection/client-connection";
import { notConnected } from "../connection/connection";
import type { ServerClock } from "../connection/server-clock";
import { RequestRefusedError } from "../errors";
import type { Runtime } from "../platform/runtime";

/** So many agents with their profiles fit into one message. */
const PAGE_WITH_PROFILES = 25;

/** How long a list of very many pages pauses when the service has had enough of them for now. */
const PACE_MS = 1_000;

export class FleetPages {
  /** How many connections have broken. */
  #breaks = 0;

  /**
   * @param profiles whether to include each agent's capabilities and metadata
   * @param clock learns from each page
   */
  constructor(
    private readonly agentId: string,
    private readonly profiles: boolean,
    private readonly connection: Pick<ClientConnection, "request">,
    private readonly clock: ServerClock,
    private readonly runtime: Pick<Runtime, "monotonic" | "setTimeout">,
  ) {}

  /** The connection broke: changes that are published before the next one are missed. */
  broken(): void {
    this.#breaks += 1;
  }

  /**
   * @throws ConnectionError if there is no connection, or another one than before.
   * @throws RequestRefusedError if the server refuses.
   * @throws RequestTimeoutError if no reply arrives.
   */
  async *read(): AsyncGenerator<AgentsMessage, void> {
    const { profiles } = this;
    const limit = profiles ? PAGE_WITH_PROFILES : LIMITS.listPageSize;
    const query: ListMessage = { type: "list", limit, ...(profiles && { profiles }) };
    let cursor: string | null = null;
    do {
      const page: AgentsMessage = await this.#page({
        ...query,
        ...(cursor !== null && { cursor }),
      });
      yield page;
      cursor = page.cursor;
    } while (cursor !== null);
  }

  /** If the rate limit refuses it, it is requested again. */
  async #page(message: ListMessage): Promise<AgentsMessage> {
    const breaks = this.#breaks;
    for (;;) {
      const sentAt = this.runtime.monotonic();
      try {
        const page = await this.connection.request(message);
        this.clock.learnFromAck(page.serverTime, this.runtime.monotonic() - sentAt);
        return page;
      } catch (error) {
        if (!(error instanceof RequestRefusedError && error.code === "rate_limited")) throw error;
      }
      await new Promise<void>((resolve) => {
        this.runtime.setTimeout(resolve, PACE_MS);
      });
      // Changes published in between were missed.
      if (breaks !== this.#breaks) throw notConnected(this.agentId);
    }
  }
}
