/** Registers agents and their keys, by conditional writes that any number of operators may do at once. */

import { lockOutVanished } from "../../../core/ephemeral";
import { jobFault } from "../../../core/job";
import { LIMITS } from "../../../core/limits";
import { newPingSecret, pingKey } from "../../../core/ping-secret";
import { fencingTokenOf, type RegisteredAgent } from "../../../core/registry-record";
import { agentBefore, cursorAfter } from "../status/cursor";
import { DynamoDbClock } from "../status/dynamodb-clock";
import { InvalidArgumentError } from "../status/errors";
import {
  expectAgentId,
  expectLimit,
  expectOptions,
  expectOrganizationId,
  expectRole,
  expectTableName,
  expectUnreserved,
} from "../status/expect";
import { AgentKeys } from "./agent-keys";
import { AgentExistsError, unknownAgent } from "./errors";
import { rotatedAway, takenAway, withKey, withoutKey, withRotatedKey } from "./key-change";
import { type PublicKeySource, publicKeyFrom } from "./public-key";
import { RecordStore } from "./record-store";
import type { AgentName } from "./record-updates";
import {
  type AgentRegistryOptions,
  JOB_REGISTRATION,
  type JobRegistration,
  type KeyRemoval,
  type KeyRotation,
  REGISTRATION,
  type RegisteredAgentPage,
  type RegisteredJob,
  type Registration,
} from "./registration";
import { orIncomplete, type RevocationOptions, revoke, tombstone } from "./revocation";
import { withoutVanished } from "./vanished";

const DESCRIPTION_LENGTH = 256;

/**
 * Who may connect. Every method rejects with the client's error if DynamoDB fails, and with
 * `InvalidArgumentError` if an id is not of the form that is allowed.
 */
export class AgentRegistry {
  readonly #records: RecordStore;
  readonly #clock: DynamoDbClock;
  readonly #revocation: RevocationOptions;
  readonly #keys: AgentKeys;

  /** @throws InvalidArgumentError if the client or the name of a table is missing */
  constructor(options: AgentRegistryOptions) {
    const { client, registryTableName, statusTableName } = options;
    if (!client) throw new InvalidArgumentError("client: expected a DynamoDBClient, got none");
    expectTableName("registryTableName", registryTableName, "RegistryTableName");
    expectTableName("statusTableName", statusTableName, "StatusTableName");
    this.#clock = new DynamoDbClock(options.now);
    this.#records = new RecordStore(client, registryTableName, this.#clock);
    this.#revocation = {
      client,
      tableName: statusTableName,
      clock: this.#clock,
    };
    this.#keys = new AgentKeys(this.#records, this.#revocation, (name) => this.get(name));
  }

  /**
   * Registers an agent with its first key, or with two.
   *
   * @throws AgentExistsError if the organization has an agent of this id
   * @throws KeyError if a key is not readable, or of a kind that is not accepted
   * @throws KeyExistsError if the two keys are one, TooManyKeysError if there are more
   */
  async register(registration: Registration): Promise<RegisteredAgent> {
    expectOptions(registration, REGISTRATION);
    const { organizationId, agentId, role = "agent", job, description, expiresAt } = registration;
    const { publicKey, enabled = true } = registration;
    expectName(registration);
    expectUnreserved(agentId);
    if (job === undefined) expectRole(role);
    else if (role !== "job") throw new InvalidArgumentError(`role: expected job, got ${role}`);
    expectDescription(description);
    const keys = await Promise.all([publicKey].flat().map(publicKeyFrom));
    if (keys.length === 0) throw new InvalidArgumentError("publicKey: expected a key, got none");
    const now = this.#clock.now();
    if (expiresAt !== undefined) expectFuture(expiresAt, now);
    const fault = job && jobFault(job, now);
    if (fault) throw new InvalidArgumentError(fault);
    const agent: RegisteredAgent = {
      organizationId,
      agentId,
      role,
      enabled,
      publicKeys: [],
      createdAt: now,
      updatedAt: now,
      ...(job && { job }),
      ...(description !== undefined && { description }),
      ...(expiresAt !== undefined && { expiresAt }),
    };
    for (const key of keys) agent.publicKeys = withKey(key)(agent, now);
    const created = (await this.#records.create(agent)) ?? (await this.#replaceVanished(agent));
    if (created) return created;
    throw new AgentExistsError(
      `agent ${agentId}: expected an id that organization ${organizationId} has not registered yet`,
    );
  }

  /**
   * Registers a job, which has a ping URL in place of a key and a connection.
   *
   * @throws AgentExistsError if the organization has an agent of this id
   */
  async registerJob(registration: JobRegistration): Promise<RegisteredJob> {
    expectOptions(registration, JOB_REGISTRATION);
    const { organizationId, agentId } = registration;
    expectName(registration);
    const pingSecret = newPingSecret(organizationId, agentId);
    const publicKey = pingKey(pingSecret).jwk;
    const agent = await this.register({ ...registration, role: "job", publicKey });
    return { agent, pingSecret };
  }

  /**
   * Replaces the secret of a job's ping URL. Requests with the old one are refused at once.
   *
   * @throws UnknownAgentError if it is not registered, InvalidArgumentError if it is no job
   * @throws IncompleteChangeError if the old one may still be accepted: then repeat it
   */
  async replacePing(name: AgentName): Promise<RegisteredJob> {
    const { organizationId, agentId } = name;
    const agent = await this.get(name);
    if (!agent) throw unknownAgent(organizationId, agentId);
    if (agent.role !== "job") {
      throw new InvalidArgumentError(
        `agent ${agentId}: expected a job, got the role ${agent.role}`,
      );
    }
    const pingSecret = newPingSecret(organizationId, agentId);
    const retire = agent.publicKeys[0]?.keyId;
    const publicKey = pingKey(pingSecret).jwk;
    const changed = await this.rotateKey({ ...name, publicKey, retire, now: true });
    return { agent: changed, pingSecret };
  }

  /** The agent as of its last change, or undefined if it is not registered. */
  async get(name: AgentName): Promise<RegisteredAgent | undefined> {
    expectName(name);
    const found = await this.#records.get(name);
    return found && (await this.#lasting([found]))[0];
  }

  /**
   * A page of the organization's agents.
   *
   * @throws InvalidCursorError if the cursor is not from a list of this organization
   */
  async list(options: {
    organizationId: string;
    /** The `cursor` of the page before. @default the first page */
    cursor?: string | null;
    /** Agents a page, 1 to 1000; where registrations have ended, a page may have fewer. @default 100 */
    limit?: number;
  }): Promise<RegisteredAgentPage> {
    const { organizationId, cursor } = options;
    expectOrganizationId(organizationId);
    const after = cursor ? agentBefore(organizationId, cursor) : undefined;
    const limit = expectLimit(options.limit ?? LIMITS.listPageSize);
    const { agents, last } = await this.#records.page(organizationId, after, limit);
    return {
      agents: await this.#lasting(agents),
      cursor: last === undefined ? null : cursorAfter(organizationId, last),
    };
  }

  /** Every agent of the organization, read page by page while they are taken. */
  async *all(organizationId: string): AsyncGenerator<RegisteredAgent, void, undefined> {
    let cursor: string | null = null;
    do {
      const page: RegisteredAgentPage = await this.list({ organizationId, cursor, limit: 1000 });
      yield* page.agents;
      cursor = page.cursor;
    } while (cursor !== null);
  }

  /**
   * Lets the agent connect again.
   *
   * @throws UnknownAgentError if it is not registered
   */
  async enable(name: AgentName): Promise<RegisteredAgent> {
    expectName(name);
    const agent = await this.#records.enable(name);
    if (!agent) throw unknownAgent(name.organizationId, name.agentId);
    return agent;
  }

  /**
   * Refuses the agent from now on and ends its presence. Repeating it is harmless. An ephemeral registration no longer vanishes.
   *
   * @throws UnknownAgentError if it is not registered
   * @throws IncompleteChangeError if its presence could not be ended: then repeat it
   */
  async disable(name: AgentName): Promise<RegisteredAgent> {
    expectName(name);
    const agent = await this.#records.disable(name);
    if (!agent) throw unknownAgent(name.organizationId, name.agentId);
    await orIncomplete(name, revoke(this.#revocation, name, fencingTokenOf(agent)));
    return agent;
  }

  /**
   * Adds a second key: the agent may sign with either, until one is removed.
   *
   * @throws UnknownAgentError if it is not registered
   * @throws TooManyKeysError if it has two keys, KeyExistsError if it has this one
   * @throws KeyError if the key is not readable, or of a kind that is not accepted
   */
  async addKey(name: AgentName & { publicKey: PublicKeySource }): Promise<RegisteredAgent> {
    const key = await publicKeyFrom(name.publicKey);
    return this.#keys.change(name, withKey(key));
  }

  /**
   * Adds a key, and retires one where the agent has two: the older one, unless `retire` names another. With `now`, repeating it
   * is harmless.
   *
   * @throws UnknownAgentError if it is not registered
   * @throws KeyExistsError if it has this key, UnknownKeyError if it has not the one to retire
   * @throws KeyError if the key is not readable, or of a kind that is not accepted
   * @throws IncompleteChangeError if the connections of a retired key could not be ended: then repeat it
   */
  async rotateKey({ publicKey, retire, now, ...name }: KeyRotation): Promise<RegisteredAgent> {
    const key = await publicKeyFrom(publicKey);
    return this.#keys.change(name, withRotatedKey(key, retire), now && rotatedAway(key, retire));
  }

  /**
   * Takes a key away. Connections that were opened with it go on, unless they are to end `now`; then repeating it is harmless.
   *
   * @throws UnknownAgentError if the agent is not registered
   * @throws UnknownKeyError if it has no such key, LastKeyError if it has no other
   * @throws IncompleteChangeError if its connections could not be ended: then repeat it
   */
  removeKey({ keyId, now, ...name }: KeyRemoval): Promise<RegisteredAgent> {
    return this.#keys.change(name, withoutKey(keyId), now && takenAway(keyId));
  }

  /**
   * Removes the agent, ends its presence and hides its status. Its id may be registered again.
   *
   * @throws UnknownAgentError if it is neither registered nor has a status
   * @throws IncompleteChangeError if its presence could not be ended: then repeat it
   */
  async remove(name: AgentName): Promise<void> {
    expectName(name);
    const { revokedAt, removed } = await this.#records.remove(name);
    const buried = await orIncomplete(name, tombstone(this.#revocation, name, revokedAt));
    if (!removed && !buried) throw unknownAgent(name.organizationId, name.agentId);
  }

  #lasting(agents: RegisteredAgent[]): Promise<RegisteredAgent[]> {
    const { client, tableName, clock } = this.#revocation;
    return withoutVanished(client, tableName, agents, () => clock.now());
  }

  /** Registers an agent in the place of an ephemeral registration that has vanished; undefined if there is another one. */
  async #replaceVanished(agent: RegisteredAgent): Promise<RegisteredAgent | undefined> {
    const { client, tableName, clock } = this.#revocation;
    const found = await this.#records.get(agent);
    if (!found || (await this.#lasting([found])).length > 0) return undefined;
    const least = await lockOutVanished(client, tableName, found, clock.now());
    if (least === undefined) return undefined;
    const createdAt = Math.max(agent.createdAt, least);
    return this.#records.replace({ ...agent, createdAt, updatedAt: createdAt }, found);
  }
}

function expectName({ organizationId, agentId }: AgentName): void {
  expectOrganizationId(organizationId);
  expectAgentId(agentId);
}

/** @throws InvalidArgumentError if it is too long */
export function expectDescription(description: string | undefined): void {
  if (description !== undefined && description.length > DESCRIPTION_LENGTH) {
    throw new InvalidArgumentError(
      `description: expected at most ${DESCRIPTION_LENGTH} characters, got ${description.length}`,
    );
  }
}

/** @throws InvalidArgumentError if it is not a future time */
export function expectFuture(expiresAt: number, now: number): void {
  if (Number.isInteger(expiresAt) && expiresAt > now) return;
  throw new InvalidArgumentError(
    `expiresAt: expected epoch milliseconds after now (${now}), got ${expiresAt}`,
  );
}
