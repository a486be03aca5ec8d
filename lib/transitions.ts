/** Publishes transitions of the status table on the event bus and to subscribers. */

import { Duration } from "aws-cdk-lib";
import type { IEventBus } from "aws-cdk-lib/aws-events";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { EventSourceMapping, FilterCriteria, StartingPosition } from "aws-cdk-lib/aws-lambda";
import { SqsDlq } from "aws-cdk-lib/aws-lambda-event-sources";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { Activity } from "../core/presence";
import { BundledFunction, type FunctionSettings } from "./bundled-function";
import { undeliveredQueue } from "./encryption";
import type { Storage } from "./storage";
import type { WebSocketGateway } from "./websocket-gateway";

export interface TransitionsProps {
  readonly functions: FunctionSettings;
  readonly encryptionKey: IKey | undefined;
  readonly storage: Storage;
  readonly gateway: WebSocketGateway;
  readonly eventBus: IEventBus;
}

const DRAINING = "draining" satisfies Activity["state"];

/**
 * The stream records that invoke the function. A row has `onlineSince` while it is stored as online, and `stalledSince` while
 * it is marked as stalled. Both appear and disappear only with a transition, so heartbeats are discarded without an invocation,
 * but for the first one that says `draining`. `displacedAt` is present from a write that displaced connections until the next
 * heartbeat. A mapping can have five patterns, and for DynamoDB they can filter only on the images: see decision 8.
 */
const TRANSITIONS = [
  { OldImage: imageWith({ onlineSince: false }), NewImage: imageWith({ onlineSince: true }) },
  { OldImage: imageWith({ onlineSince: true }), NewImage: imageWith({ onlineSince: false }) },
  {
    $or: [
      { OldImage: imageWith({ stalledSince: false }), NewImage: imageWith({ stalledSince: true }) },
      {
        OldImage: imageWith({ stalledSince: true }),
        NewImage: imageWith({ stalledSince: false, onlineSince: true }),
      },
    ],
  },
  {
    OldImage: imageInState({ "anything-but": [DRAINING] }, { exists: false }),
    NewImage: imageInState(DRAINING),
  },
  { NewImage: imageWith({ displacedAt: true }) },
].map((dynamodb) => FilterCriteria.filter({ dynamodb }));

export class Transitions extends Construct {
  readonly function: BundledFunction;
  /** Queue of stream records whose transitions could not be published. */
  readonly undelivered: Queue;

  constructor(scope: Construct, id: string, props: TransitionsProps) {
    super(scope, id);
    const { functions, storage, gateway, eventBus, encryptionKey } = props;
    const transitions = new BundledFunction(this, "Transitions", {
      entry: "transitions",
      description: "Publishes transitions on the event bus and to subscribers",
      environment: { EVENT_BUS_NAME: eventBus.eventBusName },
      settings: functions,
      timeout: Duration.seconds(30),
    });
    eventBus.grantPutEventsTo(transitions);
    gateway.grantDeliver(transitions);
    gateway.grantConnections(transitions, "DELETE");
    storage.grantAccess(transitions, {
      registry: ["PutItem", "UpdateItem"],
      subscriptions: ["DeleteItem"],
    });

    const undelivered = undeliveredQueue(this, encryptionKey);
    this.function = transitions;
    this.undelivered = undelivered;
    undelivered.grantSendMessages(transitions);
    const streamArn = storage.statusTable.tableStreamArn as string;
    transitions.addToRolePolicy(
      new PolicyStatement({
        actions: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
        resources: [streamArn],
      }),
    );
    transitions.addToRolePolicy(
      new PolicyStatement({
        actions: ["dynamodb:ListStreams"],
        resources: [`${storage.statusTable.tableArn}/stream/*`],
      }),
    );
    new EventSourceMapping(this, "Stream", {
      target: transitions,
      eventSourceArn: streamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      filters: TRANSITIONS,
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      // By row: one agent's changes stay in order, and delay no more than a part of the others.
      parallelizationFactor: 5,
      // The stream keeps records for a day: they are retried until then, and described in the queue afterwards.
      maxRecordAge: Duration.hours(23),
      onFailure: new SqsDlq(undelivered),
    });
  }
}

type Attributes = Partial<Record<"onlineSince" | "stalledSince" | "displacedAt", boolean>>;

/** A pattern for an image that has or lacks these attributes. */
function imageWith(attributes: Attributes) {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, exists]) => [name, { N: [{ exists }] }]),
  );
}

/** A pattern for an image of an agent with this activity state. */
function imageInState(...states: unknown[]) {
  return { activity: { M: { state: { S: states } } } };
}
