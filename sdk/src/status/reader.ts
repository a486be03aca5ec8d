/** Answers who is online from the AgentStatus table, by the derived status and the server's clock alone. */

import {
  type AttributeValue,
  DynamoDBClient,
  type DynamoDBClientConfig,
  GetItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { boundedClient, type ConnectionAgent } from "../../../core/aws-client";
import { type AgentTransition, withDerivedEnds } from "../../../core/history-record";
import {
  type AgentPresence,
  LIMITS,
  type MassExpiry,
  type OnlineCount,
  type Status,
  type TransitionRecord,
} from "../../../core/protocol";
import { derivePresence, isPurged, type StatusRow } from "../../../core/status";
import { rowFromItem } from "../../../core/status-row";
import type { Names } from "../../../core/unknown-names";
import { agentBefore, cursorAfter } from "./cursor";
import { type Clock, DynamoDbClock } from "./dynamodb-clock";
import { InvalidArgumentError } from "./errors";
import {
  expectAgentId,
  expectLimit,
  expectOptions,
  expectOrganizationId,
  expectStatus,
  expectTableName,
} from "./expect";
import { RegistryReads } from "./registry-reads";

export interface StatusReaderOptions {
  /** Name of the AgentStatus table: the stack's output `StatusTableName`. */
  tableName: string;
  /** The stack's output `RegistryTableName`, for what a reader takes from there. @default - none of it */
  registryTableName?: string | undefined;
  /** @default a client of its own, from `region`, `endpoint` and the environment's credentials */
  client?: DynamoDBClient | undefined;
  /** Region of the table, where no client is given. */
  region?: string | undefined;
  /** DynamoDB's URL, where no client is given and it is not the region's: the local runtime's. */
  endpoint?: string | undefined;
  /**
   * Takes the connections, where no client is given: `proxyAgent()` of the SDK for the proxy that the environment names.
   *
   * @default none: AWS's region is reached directly
   */
  agent?: ConnectionAgent | undefined;
  /** Whether reads see every write that was answered before them. Costs twice as much. @default false */
  consistent?: boolean | undefined;
  /** The local clock, in epoch milliseconds. @default Date.now */
  now?: Clock | undefined;
  /** Whether DynamoDB's clock is believed where `now` differs from it by seconds. @default true */
  correctClock?: boolean | undefined;
}

export interface ListAgentsOptions {
  organizationId: string;
  /** Only agents of this derived status. @default both */
  status?: Status | undefined;
  /** The `cursor` of the page before. @default the first page */
  cursor?: string | null | undefined;
  /** Agents a page at most, 1 to 1000. @default 100 */
  limit?: number | undefined;
  /** Whether each agent comes with its profile. Needs `registryTableName`. @default false */
  profiles?: boolean | undefined;
  /** Where a page ends that would be larger than this, in bytes of its agents as JSON. @default no limit */
  maxBytes?: number | undefined;
}

const READER_OPTIONS: Names<StatusReaderOptions> = {
  tableName: true,
  registryTableName: true,
  client: true,
  region: true,
  endpoint: true,
  agent: true,
  consistent: true,
  now: true,
  correctClock: true,
};

const LIST_OPTIONS: Names<ListAgentsOptions> = {
  organizationId: true,
  status: true,
  cursor: true,
  limit: true,
  profiles: true,
  maxBytes: true,
};

/** Agents in the order of their ids: fewer than the limit, or none, where few of very many match. */
export interface AgentPage {
  agents: AgentPresence[];
  /** Where the next page begins; null on the last one. */
  cursor: string | null;
}

/** What a reader needs of a row. A record, so that what a presence is derived from can't be forgotten here. */
const ROW_ATTRIBUTES = Object.keys({
  organizationId: true,
  agentId: true,
  status: true,
  connectionId: true,
  connectedAt: true,
  onlineSince: true,
  lastHeartbeatAt: true,
  leaseExpiresAt: true,
  heartbeatIntervalMs: true,
  instanceId: true,
  activity: true,
  stallsAt: true,
  reason: true,
  disconnectedAt: true,
  ttlEpochSeconds: true,
} satisfies Record<PresenceAttribute, true>);

type PresenceAttribute =
  | keyof Parameters<typeof derivePresence>[0]
  | "organizationId"
  | "ttlEpochSeconds";

/** Agents that are looked up at once. */
const CONCURRENCY = 25;

const COUNT_ATTRIBUTES = ["status", "leaseExpiresAt", "ttlEpochSeconds", "instanceId"] as const;

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
  readonly #tableName: string;
  readonly #registry: RegistryReads | undefined;
  readonly #consistent: boolean;
  readonly #clock: DynamoDbClock;
  readonly #correctClock: boolean;
  readonly #now: Clock;

  /** @throws InvalidArgumentError if the name of a table is missing, or there is no option of a name */
  constructor(options: StatusReaderOptions) {
    expectOptions(options, READER_OPTIONS);
    this.#ownsClient = options.client === undefined;
    this.#client =
      options.client ??
      boundedClient(DynamoDBClient, clientConfig(options), undefined, options.agent);
    const { tableName, registryTableName } = options;
    this.#tableName = expectTableName("tableName", tableName, "StatusTableName");
    this.#registry =
      registryTableName === undefined
        ? undefined
        : new RegistryReads(
            this.#client,
            expectTableName("registryTableName", registryTableName, "RegistryTableName"),
          );
    this.#consistent = options.consistent ?? false;
    this.#now = options.now ?? Date.now;
    this.#correctClock = options.correctClock ?? true;
    this.#clock = new DynamoDbClock(this.#now);
  }

  /** How far the local clock was behind DynamoDB's at the last read, in milliseconds; 0 if they agreed. */
  get clockOffsetMs(): number {
    return this.#clock.offsetMs;
  }

  /**
   * A page of the organization's agents. The limit counts those that match; `allAgents` goes over all pages.
   *
   * @throws InvalidCursorError if the cursor is not from a list of this organization
   * @throws InvalidArgumentError if an argument is not what it should be
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
      // With a filter, nobody knows how many rows hold the rest of the page.
      const rows = status ? Math.max(limit, LIMITS.listPageSize) : limit - agents.length;
      const page = await this.#query(organizationId, ROW_ATTRIBUTES, after, rows);
      for (const agent of this.#present(page.rows)) {
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
   * @throws InvalidArgumentError if an argument is not what it should be
   */
  async *allAgents(
    options: Pick<ListAgentsOptions, "organizationId" | "status">,
  ): AsyncGenerator<AgentPresence, void, undefined> {
    const { organizationId, status } = options;
    expectOrganizationId(organizationId);
    expectStatus(status);
    let after: string | undefined;
    do {
      const page = await this.#query(organizationId, ROW_ATTRIBUTES, after);
      for (const agent of this.#present(page.rows)) {
        if (!status || agent.status === status) yield agent;
      }
      after = page.lastAgentId;
    } while (after !== undefined);
  }

  /**
   * One agent, or undefined if it never connected, was removed, or has been gone for the retention period.
   *
   * @throws InvalidArgumentError if an id is not what it should be
   */
  async getAgent(organizationId: string, agentId: string): Promise<AgentPresence | undefined> {
    expectOrganizationId(organizationId);
    expectAgentId(agentId);
    const { Item } = await this.#client.send(
      this.#watch(
        new GetItemCommand({
          TableName: this.#tableName,
          Key: { organizationId: { S: organizationId }, agentId: { S: agentId } },
          ConsistentRead: this.#consistent,
          ...projection(ROW_ATTRIBUTES),
        }),
      ),
    );
    return Item && this.#present([rowFromItem(Item)])[0];
  }

  /**
   * The agents that say of themselves that they have a capability, each with its profile. Reads the
   * registrations of the whole organization. Needs `registryTableName`.
   *
   * @throws InvalidArgumentError if an argument is not what it should be
   */
  async *agentsWithCapability(
    options: Pick<ListAgentsOptions, "organizationId" | "status"> & { capability: string },
  ): AsyncGenerator<AgentPresence, void, undefined> {
    const { organizationId, status, capability } = options;
    expectOrganizationId(organizationId);
    expectStatus(status);
    const pages = this.#inRegistry().withCapability(organizationId, capability, () => this.#time());
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
   * @throws InvalidArgumentError if an id is not what it should be
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
   * @throws InvalidArgumentError without a registry table, or if the id is not what it should be
   */
  async massExpiry(organizationId: string): Promise<MassExpiry | null> {
    expectOrganizationId(organizationId);
    return this.#inRegistry().massExpiry(organizationId, () => this.#time());
  }

  /**
   * The last transitions of one agent or of all, newest first: of each at most 50, of the last 30 days, and the ends
   * of leases that the sweep has not stored yet. Of all it reads everything that is kept, and every status. Needs `registryTableName`.
   *
   * @throws InvalidArgumentError if an id is not what it should be
   */
  async transitions(organizationId: string, agentId?: string): Promise<AgentTransition[]> {
    expectOrganizationId(organizationId);
    if (agentId !== undefined) expectAgentId(agentId);
    const stored = await this.#inRegistry().transitions(organizationId, agentId, () =>
      this.#time(),
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
    return withDerivedEnds(stored, agents, this.#time());
  }

  /**
   * How many of the organization's agents are online and offline. Reads the whole partition.
   *
   * @throws InvalidArgumentError if the id is not what it should be
   */
  async countByStatus(organizationId: string): Promise<Record<Status, number>> {
    expectOrganizationId(organizationId);
    const counts = { online: 0, offline: 0 };
    let after: string | undefined;
    do {
      const page = await this.#query(organizationId, COUNT_ATTRIBUTES, after);
      for (const { status } of this.#present(page.rows)) counts[status]++;
      after = page.lastAgentId;
    } while (after !== undefined);
    return counts;
  }

  /**
   * How many agents of the organization were online at each sweep of the last day, oldest first: at most one count every
   * four minutes. Needs `registryTableName`.
   *
   * @throws InvalidArgumentError if the id is not what it should be
   */
  async counts(organizationId: string): Promise<OnlineCount[]> {
    expectOrganizationId(organizationId);
    return this.#inRegistry().counts(organizationId, () => this.#time());
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

  #time(): number {
    return this.#correctClock ? this.#clock.now() : this.#now();
  }

  #present(rows: StatusRow[]): AgentPresence[] {
    const now = this.#time();
    return rows.filter((row) => !isPurged(row, now)).map((row) => derivePresence(row, now));
  }

  #watch<C extends GetItemCommand | QueryCommand>(command: C): C {
    return this.#correctClock ? this.#clock.watch(command) : command;
  }

  async #query(
    organizationId: string,
    attributes: readonly string[],
    after: string | undefined,
    limit?: number,
  ): Promise<{ rows: StatusRow[]; lastAgentId: string | undefined }> {
    const { ExpressionAttributeNames, ...projected } = projection(attributes);
    const { Items = [], LastEvaluatedKey } = await this.#client.send(
      this.#watch(
        new QueryCommand({
          TableName: this.#tableName,
          KeyConditionExpression: "#organizationId = :organizationId",
          ExpressionAttributeNames: {
            ...ExpressionAttributeNames,
            "#organizationId": "organizationId",
          },
          ExpressionAttributeValues: { ":organizationId": { S: organizationId } },
          ConsistentRead: this.#consistent,
          ...projected,
          ...(limit && { Limit: limit }),
          ...(after !== undefined && { ExclusiveStartKey: keyOf(organizationId, after) }),
        }),
      ),
    );
    return { rows: Items.map(rowFromItem), lastAgentId: LastEvaluatedKey?.agentId?.S };
  }
}

function cursorOf(organizationId: string, agents: AgentPresence[]): string | null {
  const last = agents.at(-1);
  return last ? cursorAfter(organizationId, last.agentId) : null;
}

function keyOf(organizationId: string, agentId: string): Record<string, AttributeValue> {
  return { organizationId: { S: organizationId }, agentId: { S: agentId } };
}

/** Every name has an alias, for `status` is one of DynamoDB's reserved words. */
function projection(attributes: readonly string[]) {
  return {
    ProjectionExpression: attributes.map((name) => `#${name}`).join(", "),
    ExpressionAttributeNames: Object.fromEntries(attributes.map((name) => [`#${name}`, name])),
  };
}

function clientConfig({ region, endpoint }: StatusReaderOptions): DynamoDBClientConfig {
  return { ...(region && { region }), ...(endpoint && { endpoint }) };
}
