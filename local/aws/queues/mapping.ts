/** Plays an event source mapping of a queue: gives its messages to a function, and deletes those that it took. */

import { createHash } from "node:crypto";
import type { Invocable } from "../functions/local-function";
import type { QueueMappingDescription } from "../resources/queue";
import type { LocalQueue, Message } from "./queue";

export interface QueueMappingOptions {
  description: QueueMappingDescription;
  queue: LocalQueue;
  target: Invocable;
  region: string;
  /** Told of batches that fail, whose messages come again once they are visible. */
  report(problem: string): void;
}

export const md5Of = (text: string) => createHash("md5").update(text).digest("hex");

/** Begins to hand on messages: as soon as they are visible, and not more batches at once than it may. */
export function startQueueMapping(options: QueueMappingOptions): void {
  const { description, queue } = options;
  let underWay = 0;
  const next = () => {
    while (underWay < description.concurrency) {
      const batch = queue.receive(description.batchSize);
      if (batch.length === 0) return;
      underWay += 1;
      void deliver(batch, options).finally(() => {
        underWay -= 1;
        next();
      });
    }
  };
  queue.onArrival(next);
}

async function deliver(batch: Message[], options: QueueMappingOptions): Promise<void> {
  const { description, queue, target, report } = options;
  try {
    const result = await target.invoke({ Records: batch.map((one) => recordOf(one, options)) });
    const failed = description.reportsItemFailures ? failedItems(result) : new Set();
    if (failed.size > 0)
      report(`The mapping ${description.logicalId}: ${failed.size} messages failed`);
    for (const message of batch) {
      if (!failed.has(message.id)) queue.delete(message);
    }
  } catch (error) {
    report(`The mapping ${description.logicalId}: ${(error as Error).message}`);
  }
}

function recordOf(message: Message, { description, region }: QueueMappingOptions) {
  return {
    messageId: message.id,
    receiptHandle: `${message.id}#${message.receives}`,
    body: message.body,
    attributes: {
      ApproximateReceiveCount: String(message.receives),
      SentTimestamp: String(message.sentAt),
      ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
      SenderId: "local",
    },
    messageAttributes: {},
    md5OfBody: md5Of(message.body),
    eventSource: "aws:sqs",
    eventSourceARN: description.queueArn,
    awsRegion: region,
  };
}

function failedItems(result: unknown): Set<unknown> {
  const { batchItemFailures = [] } = (result ?? {}) as { batchItemFailures?: unknown };
  if (!Array.isArray(batchItemFailures)) throw new Error("expected batchItemFailures, got another");
  return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
}
