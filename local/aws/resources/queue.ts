/** AWS::SQS::Queue: how long its messages are delayed, hidden and kept. */

import { arnOf, nameOf } from "./identity";
import { kind } from "./kind";
import type { PropertyReader } from "./properties";

export interface QueueDescription {
  logicalId: string;
  url: string;
  arn: string;
  /** Delay of a message that names none. */
  delayMs: number;
  /** How long a message that was received stays hidden, unless it is deleted. */
  visibilityMs: number;
  /** How long a message is kept. */
  retentionMs: number;
  /** Where a message goes that was received too often, if anywhere. */
  deadLetters: { queueArn: string; maxReceives: number } | undefined;
}

export const queueKind = kind((identity) => {
  const name = nameOf(identity, "QueueName");
  const { region, accountId } = identity;
  return {
    ref: `https://sqs.${region}.amazonaws.com/${accountId}/${name}`,
    Arn: arnOf(identity, "sqs", name),
    QueueName: name,
  };
});

export function describeQueue(reader: PropertyReader, url: string, arn: string): QueueDescription {
  const redrive = reader.object("RedrivePolicy");
  const queueArn = redrive.optionalText("deadLetterTargetArn");
  return {
    logicalId: reader.logicalId,
    url,
    arn,
    delayMs: reader.number("DelaySeconds", 0) * 1000,
    visibilityMs: reader.number("VisibilityTimeout", 30) * 1000,
    retentionMs: reader.number("MessageRetentionPeriod", 4 * 24 * 3600) * 1000,
    deadLetters:
      queueArn === undefined
        ? undefined
        : { queueArn, maxReceives: redrive.number("maxReceiveCount", 10) },
  };
}

/** AWS::Lambda::EventSourceMapping of a queue: which function gets its messages, and how many at once. */
export interface QueueMappingDescription {
  logicalId: string;
  queueArn: string;
  /** The name or ARN of a function. */
  functionName: string;
  batchSize: number;
  /** Batches under way at once. */
  concurrency: number;
  reportsItemFailures: boolean;
}

/** As many batches as Lambda takes at once from a queue that says nothing of it, to begin with. */
const DEFAULT_CONCURRENCY = 5;

export const readsQueue = (mapping: PropertyReader): boolean =>
  mapping.text("EventSourceArn").startsWith("arn:aws:sqs:");

export function describeQueueMapping(reader: PropertyReader): QueueMappingDescription {
  const scaling = reader.object("ScalingConfig");
  return {
    logicalId: reader.logicalId,
    queueArn: reader.text("EventSourceArn"),
    functionName: reader.text("FunctionName"),
    batchSize: reader.number("BatchSize", 10),
    concurrency: scaling.number("MaximumConcurrency", DEFAULT_CONCURRENCY),
    reportsItemFailures: reader
      .list<string>("FunctionResponseTypes")
      .includes("ReportBatchItemFailures"),
  };
}
