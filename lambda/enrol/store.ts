/** The enrolments' access to the tables: the use of the token and the agent are written in one transaction. */

import { setTimeout as sleep } from "node:timers/promises";
import {
  type AttributeValue,
  type CancellationReason,
  type DynamoDBClient,
  GetItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import {
  type Enrolment,
  enrolmentFromItem,
  enrolmentKey,
  type StoredEnrolment,
} from "../../core/enrolment";
import { lockOutVanished, readWhetherVanished } from "../../core/ephemeral";
import {
  agentFromItem,
  agentRecordId,
  asObserved,
  itemFromAgent,
  type RegisteredAgent,
} from "../../core/registry-record";

type Item = Record<string, AttributeValue>;
type AgentName = Pick<RegisteredAgent, "organizationId" | "agentId">;
type EnrolmentName = Pick<Enrolment, "organizationId" | "enrolmentId">;

/** What came of a registration. `changed`: another record than the observed one is in its place. */
export type RegisterOutcome =
  | { outcome: "registered" | "contended" }
  | { outcome: "changed"; observed: RegisteredAgent | undefined }
  | { outcome: "ended"; enrolment: StoredEnrolment | undefined };

export interface EnrolmentStore {
  /** The enrolment, read consistently: one that was revoked must be refused at once. */
  find(name: EnrolmentName): Promise<StoredEnrolment | undefined>;
  /** The agent's record, read consistently, also if it only stores the fencing token of a removed registration. */
  findAgent(name: AgentName): Promise<RegisteredAgent | undefined>;
  /** Whether a registration was ephemeral and has vanished. Reads nothing of any other. */
  hasVanished(agent: RegisteredAgent, now: number): Promise<boolean>;
  /** As `lockOutVanished`. */
  lockOut(agent: RegisteredAgent, now: number): Promise<number | undefined>;
  /**
   * Registers an agent and counts a use, both or neither.
   *
   * @param observed the record in its place, if one was found
   */
  register(
    enrolment: EnrolmentName,
    agent: RegisteredAgent,
    observed: RegisteredAgent | undefined,
    now: number,
  ): Promise<RegisterOutcome>;
}

/** The enrolment may be used: not revoked, not over, not used up. */
const USABLE = "attribute_not_exists(revokedAt) AND expiresAt > :now AND used < uses";

/**
 * Transactions that meet at the same enrolment exclude each other, and DynamoDB cancels all but one: so they are repeated, after
 * a random part of a pause that grows.
 */
const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 20;

export interface EnrolmentStoreOptions {
  client: DynamoDBClient;
  registryTableName: string;
  statusTableName: string;
  /** @default waits */
  pause?: (ms: number) => Promise<unknown>;
  random?: () => number;
}

/** Every method rejects with the client's error if DynamoDB fails. */
export function dynamoDbEnrolmentStore({
  client,
  registryTableName,
  statusTableName,
  pause = sleep,
  random = Math.random,
}: EnrolmentStoreOptions): EnrolmentStore {
  const read = async (Key: Item) => {
    const command = new GetItemCommand({ TableName: registryTableName, Key, ConsistentRead: true });
    return (await client.send(command)).Item;
  };
  return {
    async find(name) {
      const item = await read(enrolmentKey(name));
      return item && enrolmentFromItem(item);
    },

    async findAgent({ organizationId, agentId }) {
      const recordId = agentRecordId(agentId);
      const item = await read(marshall({ organizationId, recordId }));
      return item && agentFromItem(item);
    },

    hasVanished: (agent, now) => readWhetherVanished(client, statusTableName, agent, now),

    lockOut: (agent, now) => lockOutVanished(client, statusTableName, agent, now),

    async register(enrolment, agent, observed, now) {
      const command = () =>
        new TransactWriteItemsCommand({
          TransactItems: [
            {
              Update: {
                TableName: registryTableName,
                Key: enrolmentKey(enrolment),
                UpdateExpression: "ADD used :one",
                ConditionExpression: USABLE,
                ExpressionAttributeValues: marshall({ ":one": 1, ":now": now }),
                ReturnValuesOnConditionCheckFailure: "ALL_OLD",
              },
            },
            {
              Put: {
                TableName: registryTableName,
                Item: itemFromAgent(agent),
                ...asObserved(observed),
                ReturnValuesOnConditionCheckFailure: "ALL_OLD",
              },
            },
          ],
        });
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (attempt > 0) await pause(random() * FIRST_PAUSE_MS * 2 ** (attempt - 1));
        try {
          await client.send(command());
          return { outcome: "registered" };
        } catch (error) {
          const [ofEnrolment, ofAgent] = reasonsOf(error);
          if (ofAgent?.Code === "ConditionalCheckFailed") {
            return { outcome: "changed", observed: ofAgent.Item && agentFromItem(ofAgent.Item) };
          }
          if (ofEnrolment?.Code === "ConditionalCheckFailed") {
            const { Item } = ofEnrolment;
            return { outcome: "ended", enrolment: Item && enrolmentFromItem(Item) };
          }
          if (!isContention(ofEnrolment) && !isContention(ofAgent)) throw error;
        }
      }
      return { outcome: "contended" };
    },
  };
}

/** Why a transaction was cancelled, for each of its writes. @throws the error itself if it was not */
function reasonsOf(error: unknown): CancellationReason[] {
  if (!(error instanceof TransactionCanceledException)) throw error;
  return error.CancellationReasons ?? [];
}

const isContention = (reason: CancellationReason | undefined) =>
  ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"].includes(
    reason?.Code ?? "",
  );
