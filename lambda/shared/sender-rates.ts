/**
 * Limits the rate of each agent for real: its messages are counted in a table, so that it does not matter how many
 * containers there are, and how few messages each of them sees. A count is one write unit. Heartbeats are not counted.
 */

import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { RATES } from "../../core/limits";
import type { ClientMessage } from "../../core/protocol";
import { senderRateKey } from "../../core/subscription-keys";
import type { Identity } from "./identity";
import { FLOOD_FACTOR, type RateLimitOutcome } from "./rate-limiter";

/** How long a count is kept after its window: long enough for clocks that disagree. */
const KEPT_MS = 60 * 60_000;

/** Windows that a container remembers, to guess which of the two writes is due. */
const REMEMBERED = 10_000;

/** Writes against others that begin a window at the same time. */
const ATTEMPTS = 4;

/** Errors of a row that is written more often than any row can be: its agent floods. */
const THROTTLED = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
]);

type Item = Record<string, AttributeValue>;

/**
 * Counts in windows, each as long as `burst` messages take at the rate: an agent has `burst` messages in each. What is
 * refused counts too, so that a flood is known as one.
 */
export class SenderRates {
  readonly #windows = new Map<string, number>();

  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
  ) {}

  /**
   * Counts a message of an agent, whichever of its connections it came on.
   *
   * @param now epoch milliseconds by the gateway's clock
   * @param amount for messages that are work for many
   * @returns `close` for an agent that sends many times what it may
   * @throws the client's error if DynamoDB fails
   */
  async spend(
    { organizationId, agentId }: Pick<Identity, "organizationId" | "agentId">,
    type: ClientMessage["type"],
    now: number,
    amount = 1,
  ): Promise<RateLimitOutcome> {
    const { perSecond, burst } = RATES[type];
    const windowMs = (burst / perSecond) * 1000;
    const Key = senderRateKey(organizationId, agentId, type);
    const id = [organizationId, agentId, type].join("#");
    let window = Math.floor(now / windowMs) * windowMs;
    let known = this.#windows.get(id) === window;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const write = known ? GO_ON : BEGIN;
      try {
        const { Attributes } = await this.client.send(
          new UpdateItemCommand({
            TableName: this.tableName,
            Key,
            ...write,
            ExpressionAttributeValues: valuesOf(write, {
              ":window": window,
              ":amount": amount,
              ":ttl": Math.ceil((window + windowMs + KEPT_MS) / 1000),
            }),
            ReturnValues: "UPDATED_NEW",
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          }),
        );
        this.#remember(id, window);
        const used = Number(Attributes?.used?.N ?? 0);
        if (used <= burst) return "admitted";
        return used > burst * FLOOD_FACTOR ? "close" : "refused";
      } catch (error) {
        if (THROTTLED.has((error as Error).name)) return "refused";
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        // A late message counts in the current window.
        window = Math.max(window, Number(error.Item?.window?.N ?? 0));
        known = Number(error.Item?.window?.N) === window;
      }
    }
    return "refused";
  }

  #remember(id: string, window: number): void {
    if (this.#windows.size >= REMEMBERED) this.#windows.clear();
    this.#windows.set(id, window);
  }
}

const NAMES = { "#window": "window" };

const BEGIN = {
  UpdateExpression: "SET #window = :window, used = :amount, ttlEpochSeconds = :ttl",
  ConditionExpression: "attribute_not_exists(#window) OR #window < :window",
  ExpressionAttributeNames: NAMES,
};

const GO_ON = {
  UpdateExpression: "ADD used :amount",
  ConditionExpression: "#window = :window",
  ExpressionAttributeNames: NAMES,
};

/** Values that nothing uses are refused. */
function valuesOf(write: typeof BEGIN, values: Record<string, number>): Item {
  const text = `${write.UpdateExpression} ${write.ConditionExpression}`;
  const used = Object.entries(values).filter(([name]) => text.includes(name));
  return Object.fromEntries(used.map(([name, value]) => [name, { N: String(value) }]));
}
