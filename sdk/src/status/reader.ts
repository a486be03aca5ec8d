/** Answers who is online from the AgentStatus table, by the derived status and the server's clock alone. */

import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { boundedClient } from "../../../core/aws-client";
import { type AgentTransition, withDerivedEnds } from "../../../core/history-record";
import { LIMITS } from "../../../core/limits";
import type {
  AgentPresence,
  MassExpiry,
  OnlineCount,
  Status,
  TransitionRecord,
} from "../../../core/presence";
import { agentBefore, cursorAfter } from "./cursor";
import { InvalidArgumentError } from "./errors";
import {
  expectAgentId,
  expectLimit,
  expectOptions,
  expectOrganizationId,
  expectStatus,
  expectTableName,
} from "./expect";
import {
  LIST_OPTIONS,
  type ListAgentsOptions,
  READER_OPTIONS,
  type StatusReaderOptions,
} from "./reader-options";
import { RegistryReads } from "./registry-reads";
import { COUNT_ATTRIBUTES, StatusReads } from "./status-reads";

/** Agents in the order of their ids: fewer than the limit, or none, if few of very many match. */
export interface AgentPage {
  agents: AgentPresence[];
  /** Where the next page begins; null on the last one. */
  cursor: string | null;
}

/** Agents that are looked up at once. */
const CONCURRENCY = 25;

/**
 * Reads for one page, each of as many rows as the page has room for, or as a default page has. Where few of very
 * many agents match, a page has fewer than `limit` of them and a cursor to go on with, rather than no end.
 */
const MAX_QUERIES_PER_PAGE = 4;

/**
 * Reads the presence of an organization's agents. Rows past their retention are never shown.
 *
 * Every method rejects with the client's error if DynamoDB fails.
 */
export class StatusReader {
  readonly #client: DynamoDBClient;
  readonly #ownsClient: boolean;
  readonly #statuses: StatusReads;
  readonly #registry: RegistryReads | undefined;

  /** @throws InvalidArgumentError if the name of a table is missing, or there is no option of a name */
  constructor(options: StatusReaderOptions) {
    expectOptions(options, READER_OPTIONS);
    this.#ownsClient = options.client === undefined;
    this.#client =
      options.client ??
      boundedClient(DynamoDBClient, clientConfig(options), undefined, options.agent);
    const { tableName, registryTableName } = options;
    this.#statuses = new StatusReads(
      this.#client,
      expectTableName("tableName", tableName, "StatusTableName"),
      options,
    );
    this.#registry =
      registryTableName === undefined
        ? undefined
        : new RegistryReads(
            this.#client,
            expectTableName("registryTableName", registryTableName, "RegistryTableName"),
          );
  }

  /** How far the local clock was behind DynamoDB's at the last read, in milliseconds; 0 if they agreed. */
  get clockOffsetMs(): number {
    return this.#statuses.clockOffsetMs;
  }

  /**
   * A page of the organization's agents. The limit counts those that match; `allAgents` iterates over all pages.
   *
   * @throws InvalidCursorError if the cursor is not from a list of this organization
   * @throws InvalidArgumentError if an argument is invalid
   */
  async listAgents(options: ListAgentsOptions): Promise<AgentPage> {
    expectOptions(options, LIST_OPTIONS);
    const { organizationId, status, profiles, maxBytes } = options;
    expectOrganizationId(organizationId);
    expectStatus(status);
    const limit = expectLimit(options.limit ?? LIMITS.listPageSize);
    const after = options.cursor ? agentBefore(organizationId, options.cursor) : undefined;
    const page = await this.#page(organizationId, after, limit, status);
    if (!profiles && maxBytes === undefined) return page;
    return this.#fit(organizationId, page, profiles === true, maxBytes);
  }

  async #page(
    organizationId: string,
    from: string | undefined,
    limit: number,
    status: Status | undefined,
  ): Promise<AgentPage> {
    let after = from;
    const agents: AgentPresence[] = [];
    for (let queries = 0; queries < MAX_QUERIES_PER_PAGE; queries++) {
      // With a filter, the number of rows that hold the rest of the page is unknown.
      const rows = status ? Math.max(limit, LIMITS.listPageSize) : limit - agents.length;
      const page = await this.#statuses.page(organizationId, after, { limit: rows });
      for (const agent of page.agents) {
        if (status && agent.status !== status) continue;
        if (agents.length === limit) return { agents, cursor: cursorOf(organizationId, agents) };
        agents.push(agent);
      }
      after = page.lastAgentId;
      if (after === undefined) return { agents, cursor: null };
      if (agents.length === limit) break;
    }
    return { agents, cursor: after === undefined ? null : cursorAfter(organizationId, after) };
  }

  /** The beginning of a page that fits, with profiles: they are read for those agents alone, a few at a time. */
  async #fit(
    organizationId: string,
    { agents, cursor }: AgentPage,
    profiles: boolean,
    maxBytes = Number.POSITIVE_INFINITY,
  ): Promise<AgentPage> {
    const fitting: AgentPresence[] = [];
    let bytes = 0;
    for (let start = 0; start < agents.length; start += CONCURRENCY) {
      const some = agents.slice(start, start + CONCURRENCY);
      const ids = some.map(({ agentId }) => agentId);
      const known = profiles && (await this.#inRegistry().profiles(organizationId, ids));
      for (const agent of some) {
        const listed = known ? { ...agent, profile: known.get(agent.agentId) ?? null } : agent;
        bytes += Buffer.byteLength(JSON.stringify(listed)) + 1;
        if (bytes > maxBytes && fitting.length > 0) {
          return { agents: fitting, cursor: cursorOf(organizationId, fitting) };
        }
        fitting.push(listed);
      }
    }
    return { agents: fitting, cursor };
  }

  /**
   * Every agent of the organization, read page by page while they are taken.
   *
   * @throws InvalidArgumentError if an argument is invalid
   */
  async *allAgents(
    options: Pick<ListAgentsOptions, "organizationId" | "status">,
  ): AsyncGenerator<AgentPresence, void, undefined> {
    const { organizationId, status } = options;
    expectOrganizationId(organizationId);
    expectStatus(status);
    for await (const agent of this.#statuses.all(organizationId)) {
      if (!status || agent.status === status) yield agent;
    }
  }

  /**
   * One agent, or undefined if it never connected, was removed, or has been gone for the retention period.
   *
   * @throws InvalidArgumentError if an id is invalid
   */
  async getAgent(organizationId: string, agentId: string): Promise<AgentPresence | undefined> {
    expectOrganizationId(organizationId);
    expectAgentId(agentId);
    return this.#statuses.agent(organizationId, agentId);
  }

  /**
   * The agents that say of themselves that they have a capability, each with its profile. Reads the
   * registrations of the whole organization. Needs `registryTableName`.
   *
   * @throws InvalidArgumentError if an argument is invalid
   */
  async *agentsWithCapability(
    options: Pick<ListAgentsOptions, "organizationId" | "status"> & { capability: string },
  ): AsyncGenerator<AgentPresence, void, undefined> {
    const { organizationId, status, capability } = options;
    expectOrganizationId(organizationId);
    expectStatus(status);
    const pages = this.#inRegistry().withCapability(organizationId, capability, this.#statuses.now);
    for await (const page of pages) {
      for (let start = 0; start < page.length; start += CONCURRENCY) {
        const agents = await Promise.all(
          page.slice(start, start + CONCURRENCY).map(async ({ agentId, profile }) => {
            const agent = await this.getAgent(organizationId, agentId);
            return agent && (!status || agent.status === status) ? [{ ...agent, profile }] : [];
          }),
        );
        yield* agents.flat();
      }
    }
  }

  /**
   * An agent's last transitions, newest first: at most 50, of the last 30 days. The end of its lease is among them
   * before the sweep has stored it. Needs `registryTableName`.
   *
   * @throws InvalidArgumentError if an id is invalid
   */
  async history(organizationId: string, agentId: string): Promise<TransitionRecord[]> {
    expectAgentId(agentId);
    const records = await this.transitions(organizationId, agentId);
    return records.slice(0, LIMITS.historyLength).map(({ agentId: _, ...record }) => record);
  }

  /**
   * Whether offline events of an organization are withheld, because very many of its agents, or of several
   * organizations, fell silent at once; null if not. Needs `registryTableName`.
   *
   * @throws InvalidArgumentError without a registry table, or if the id is invalid
   */
  async massExpiry(organizationId: string): Promise<MassExpiry | null> {
    expectOrganizationId(organizationId);
    return this.#inRegistry().massExpiry(organizationId, this.#statuses.now);
  }

  /**
   * The last transitions of one agent or of all, newest first: of each at most 50, of the last 30 days, and the ends
   * of leases that the sweep has not stored yet. Of all it reads everything that is kept, and every status. Needs `registryTableName`.
   *
   * @throws InvalidArgumentError if an id is invalid
   */
  async transitions(organizationId: string, agentId?: string): Promise<AgentTransition[]> {
    expectOrganizationId(organizationId);
    if (agentId !== undefined) expectAgentId(agentId);
    const stored = await this.#inRegistry().transitions(
      organizationId,
      agentId,
      this.#statuses.now,
    );
    // Read after the transitions: what is stored in between is then in neither twice.
    const agents: AgentPresence[] = [];
    if (agentId === undefined) {
      for await (const agent of this.allAgents({ organizationId, status: "offline" })) {
        agents.push(agent);
      }
    } else {
      const agent = await this.getAgent(organizationId, agentId);
      if (agent) agents.push(agent);
    }
    return withDerivedEnds(stored, agents, this.#statuses.now());
  }

  /**
   * How many of the organization's agents are online and offline. Reads the whole partition.
   *
   * @throws InvalidArgumentError if the id is invalid
   */
  async countByStatus(organizationId: string): Promise<Record<Status, number>> {
    expectOrganizationId(organizationId);
    const counts = { online: 0, offline: 0 };
    for await (const { status } of this.#statuses.all(organizationId, COUNT_ATTRIBUTES))
      counts[status]++;
    return counts;
  }

  /**
   * How many agents of the organization were online at each sweep of the last day, oldest first: at most one count every
   * four minutes. Needs `registryTableName`.
   *
   * @throws InvalidArgumentError if the id is invalid
   */
  async counts(organizationId: string): Promise<OnlineCount[]> {
    expectOrganizationId(organizationId);
    return this.#inRegistry().counts(organizationId, this.#statuses.now);
  }

  /** Closes the connections of the reader's own client; does nothing to one that it was given. */
  close(): void {
    if (this.#ownsClient) this.#client.destroy();
  }

  #inRegistry(): RegistryReads {
    if (this.#registry) return this.#registry;
    throw new InvalidArgumentError(
      "registryTableName: expected the name of the AgentRegistry table, got nothing",
    );
  }
}

function cursorOf(organizationId: string, agents: AgentPresence[]): string | null {
  const last = agents.at(-1);
  return last ? cursorAfter(organizationId, last.agentId) : null;
}

function clientConfig({ region, endpoint }: StatusReaderOptions): DynamoDBClientConfig {
  return { ...(region && { region }), ...(endpoint && { endpoint }) };
}
