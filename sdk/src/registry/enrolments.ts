/** Enrolments: tokens with which the agents of a fleet register themselves, or IAM roles by which they do. */

import {
  ConditionalCheckFailedException,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import {
  MOST_ROLES,
  ROLE_ARN_FORM,
  readAssumedRole,
  readRoleArn,
  roleArnOf,
} from "../../../core/aws-role";
import {
  ENROLMENT_RECORD_PREFIX,
  type Enrolment,
  enrolmentFromItem,
  enrolmentKey,
  itemFromEnrolment,
  publicEnrolment,
} from "../../../core/enrolment";
import {
  ENROLMENT_ID_PATTERN,
  isNamePattern,
  NAME_PATTERN_FORM,
  newEnrolmentName,
  newEnrolmentToken,
  patternOfSession,
  SESSION_PLACEHOLDER,
} from "../../../core/enrolment-token";
import { EPHEMERAL_MS } from "../../../core/ephemeral";
import type { RegisteredAgent } from "../../../core/registry-record";
import type { Role } from "../../../core/roles";
import type { Names } from "../../../core/unknown-names";
import { DynamoDbClock } from "../status/dynamodb-clock";
import { InvalidArgumentError } from "../status/errors";
import { expectOptions, expectOrganizationId, expectRole } from "../status/expect";
import { show } from "../user-code";
import { UnknownEnrolmentError } from "./errors";
import type { AgentRegistryOptions } from "./registration";
import { AgentRegistry, expectDescription, expectFuture } from "./registry";

/** What an enrolment allows. */
export interface EnrolmentTerms {
  organizationId: string;
  /**
   * Which names may be registered: an agent id in which each `*` stands for any characters, and with `roleArns` each `{session}` for
   * the name of the role's session.
   */
  agents: string;
  /**
   * If given, processes on AWS that have one of these IAM roles use the enrolment: 1 to 20 ARNs, without wildcards. Their paths are
   * not compared. The token is no secret then.
   */
  roleArns?: readonly string[] | undefined;
  /** How many agents may be registered: 1 to 1,000,000,000. */
  uses: number;
  /** When it ends, in epoch milliseconds. Agents that it registered stay. */
  expiresAt: number;
  /**
   * If given, an agent's registration vanishes so many milliseconds after the agent was last seen, and its name is free again:
   * 10 seconds to 366 days. Only for the role `agent`.
   */
  ephemeralMs?: number | undefined;
  /** @default "agent" */
  role?: Role | undefined;
  /** At most 256 characters. */
  description?: string | undefined;
}

/** Which enrolment. */
export interface EnrolmentName {
  organizationId: string;
  enrolmentId: string;
}

/** A new enrolment and its token, which nothing stores. With `roleArns` it is no secret, but the enrolment's name. */
export interface CreatedEnrolment {
  enrolment: Enrolment;
  token: string;
}

const TERMS: Names<EnrolmentTerms> = {
  organizationId: true,
  agents: true,
  roleArns: true,
  uses: true,
  expiresAt: true,
  ephemeralMs: true,
  role: true,
  description: true,
};

const MOST_USES = 1_000_000_000;

/**
 * The enrolments of organizations, for operators and backends with AWS credentials. Every method rejects with the client's error
 * if DynamoDB fails, and with `InvalidArgumentError` if an argument is not of the form that is allowed.
 */
export class EnrolmentRegistry {
  readonly #agents: AgentRegistry;
  readonly #client: AgentRegistryOptions["client"];
  readonly #tableName: string;
  readonly #clock: DynamoDbClock;

  /** @throws InvalidArgumentError if the client or the name of a table is missing */
  constructor(options: AgentRegistryOptions) {
    this.#agents = new AgentRegistry(options);
    this.#client = options.client;
    this.#tableName = options.registryTableName;
    this.#clock = new DynamoDbClock(options.now);
  }

  /** Makes an enrolment and its token. Keep the token: only its hash is stored. */
  async create(terms: EnrolmentTerms): Promise<CreatedEnrolment> {
    expectOptions(terms, TERMS);
    const { organizationId, agents, roleArns, uses, expiresAt, ephemeralMs, description } = terms;
    const { role = "agent" } = terms;
    expectOrganizationId(organizationId);
    if (roleArns !== undefined) expectRoles(roleArns);
    expectNamePattern(agents, roleArns !== undefined);
    expectWhole("uses", uses, 1, MOST_USES);
    expectRole(role);
    expectDescription(description);
    if (ephemeralMs !== undefined) {
      expectWhole("ephemeralMs", ephemeralMs, EPHEMERAL_MS.least, EPHEMERAL_MS.most);
      if (role !== "agent") {
        throw new InvalidArgumentError(
          `ephemeralMs: expected the role agent, got ${role}: nobody knows when a ${role} was last seen`,
        );
      }
    }
    const createdAt = this.#clock.now();
    expectFuture(expiresAt, createdAt);
    const { token, enrolmentId, ...secret } = roleArns
      ? newEnrolmentName(organizationId)
      : newEnrolmentToken(organizationId);
    const enrolment: Enrolment = {
      organizationId,
      enrolmentId,
      agents,
      ...(roleArns && { roleArns: [...new Set(roleArns)] }),
      role,
      uses,
      used: 0,
      createdAt,
      expiresAt,
      ...(ephemeralMs !== undefined && { ephemeralMs }),
      ...(description !== undefined && { description }),
    };
    const Item = itemFromEnrolment({ ...enrolment, ...secret });
    await this.#client.send(
      this.#clock.watch(new PutItemCommand({ TableName: this.#tableName, Item })),
    );
    return { enrolment, token };
  }

  /** The enrolment, or undefined if it does not exist. It is kept for 90 days after its end. */
  async get(name: EnrolmentName): Promise<Enrolment | undefined> {
    expectEnrolmentName(name);
    const { Item } = await this.#client.send(
      this.#clock.watch(
        new GetItemCommand({
          TableName: this.#tableName,
          Key: enrolmentKey(name),
          ConsistentRead: true,
        }),
      ),
    );
    return Item && publicEnrolment(enrolmentFromItem(Item));
  }

  /** Every enrolment of the organization, the oldest first, those that have ended included. */
  async list(organizationId: string): Promise<Enrolment[]> {
    expectOrganizationId(organizationId);
    const found: Enrolment[] = [];
    let ExclusiveStartKey: QueryCommand["input"]["ExclusiveStartKey"];
    do {
      const page = await this.#client.send(
        this.#clock.watch(
          new QueryCommand({
            TableName: this.#tableName,
            KeyConditionExpression:
              "organizationId = :organizationId AND begins_with(recordId, :prefix)",
            ExpressionAttributeValues: marshall({
              ":organizationId": organizationId,
              ":prefix": ENROLMENT_RECORD_PREFIX,
            }),
            ConsistentRead: true,
            ...(ExclusiveStartKey && { ExclusiveStartKey }),
          }),
        ),
      );
      found.push(...(page.Items ?? []).map(enrolmentFromItem).map(publicEnrolment));
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
    return found.sort((a, b) => a.createdAt - b.createdAt);
  }

  /**
   * Refuses the enrolment's token from now on. Repeating it is harmless.
   *
   * @throws UnknownEnrolmentError if there is no such enrolment
   */
  async revoke(name: EnrolmentName): Promise<Enrolment> {
    expectEnrolmentName(name);
    try {
      const { Attributes = {} } = await this.#client.send(
        this.#clock.watch(
          new UpdateItemCommand({
            TableName: this.#tableName,
            Key: enrolmentKey(name),
            UpdateExpression: "SET revokedAt = if_not_exists(revokedAt, :now)",
            ConditionExpression: "attribute_exists(recordId)",
            ExpressionAttributeValues: marshall({ ":now": this.#clock.now() }),
            ReturnValues: "ALL_NEW",
          }),
        ),
      );
      return publicEnrolment(enrolmentFromItem(Attributes));
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      throw new UnknownEnrolmentError(
        `enrolment ${name.enrolmentId}: expected one of organization ${name.organizationId}, got no such enrolment`,
      );
    }
  }

  /** The agents that an enrolment has registered. After a revocation, the list is complete. */
  async *agents(name: EnrolmentName): AsyncGenerator<RegisteredAgent, void, undefined> {
    expectEnrolmentName(name);
    for await (const agent of this.#agents.all(name.organizationId)) {
      if (agent.enrolmentId === name.enrolmentId) yield agent;
    }
  }
}

function expectEnrolmentName({ organizationId, enrolmentId }: EnrolmentName): void {
  expectOrganizationId(organizationId);
  if (typeof enrolmentId === "string" && ENROLMENT_ID_PATTERN.test(enrolmentId)) return;
  throw new InvalidArgumentError(
    `enrolmentId: expected 16 hexadecimal digits, got ${show(enrolmentId)}`,
  );
}

function expectNamePattern(agents: string, hasRoles: boolean): void {
  // Any session's name will do.
  const session = "x".repeat(SESSION_PLACEHOLDER.length);
  const pattern =
    hasRoles && typeof agents === "string" ? patternOfSession(agents, session) : agents;
  if (typeof pattern === "string" && isNamePattern(pattern)) return;
  const more = hasRoles ? `, and ${SESSION_PLACEHOLDER} for a session` : "";
  throw new InvalidArgumentError(
    `agents: expected ${NAME_PATTERN_FORM}${more}, got ${show(agents)}`,
  );
}

function expectRoles(roleArns: readonly string[]): void {
  if (!Array.isArray(roleArns) || roleArns.length < 1 || roleArns.length > MOST_ROLES) {
    throw new InvalidArgumentError(
      `roleArns: expected 1 to ${MOST_ROLES} ARNs, got ${Array.isArray(roleArns) ? roleArns.length : show(roleArns)}`,
    );
  }
  for (const arn of roleArns) {
    if (typeof arn === "string" && readRoleArn(arn)) continue;
    const session = typeof arn === "string" ? readAssumedRole(arn) : undefined;
    const hint = session ? `; the role of that session is ${roleArnOf(session)}` : "";
    throw new InvalidArgumentError(`roleArns: expected ${ROLE_ARN_FORM}, got ${show(arn)}${hint}`);
  }
}

function expectWhole(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new InvalidArgumentError(
    `${name}: expected a whole number from ${least} to ${most}, got ${show(value)}`,
  );
}
