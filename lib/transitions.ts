/** The way from a change of status in the table to an event on the bus. */

import { Duration } from "aws-cdk-lib";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import type { EventBus } from "aws-cdk-lib/aws-events";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { EventSourceMapping, FilterCriteria, StartingPosition } from "aws-cdk-lib/aws-lambda";
import { SqsDlq } from "aws-cdk-lib/aws-lambda-event-sources";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { BundledFunction } from "./bundled-function";
import type { Settings } from "./props";
import type { WebSocketGateway } from "./websocket-gateway";

export interface TransitionsProps extends Settings {
  readonly statusTable: Table;
  readonly gateway: WebSocketGateway;
  readonly eventBus: EventBus;
}

/**
 * What in the stream starts the function: changes of status, and a row's deletion while stored as
 * online. Heartbeats are discarded before any invocation. The patterns look at the images alone, for
 * those are what DynamoDB mappings are documented to filter on.
 */
const CHANGES_OF_STATUS = [
  image({ status: ["offline"] }, { status: ["online"] }),
  image({ status: ["online"] }, { status: ["offline"] }),
  image("absent", { status: ["online"] }),
  image({ status: ["online"] }, "absent"),
];

export class Transitions extends Construct {
  constructor(scope: Construct, id: string, props: TransitionsProps) {
    super(scope, id);
    const { statusTable, gateway, eventBus, logRetention } = props;
    const transitions = new BundledFunction(this, "Transitions", {
      entry: "transitions",
      description: "Tells the event bus who came and went",
      environment: {
        EVENT_BUS_NAME: eventBus.eventBusName,
        CALLBACK_URL: gateway.callbackUrl,
      },
      logRetention,
      timeout: Duration.seconds(30),
    });
    eventBus.grantPutEventsTo(transitions);
    gateway.grantClose(transitions);

    const undelivered = new Queue(this, "Undelivered", {
      retentionPeriod: Duration.days(14),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    });
    undelivered.grantSendMessages(transitions);
    const streamArn = statusTable.tableStreamArn as string;
    transitions.addToRolePolicy(
      new PolicyStatement({
        actions: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
        resources: [streamArn],
      }),
    );
    transitions.addToRolePolicy(
      new PolicyStatement({
        actions: ["dynamodb:ListStreams"],
        resources: [`${statusTable.tableArn}/stream/*`],
      }),
    );
    new EventSourceMapping(this, "Stream", {
      target: transitions,
      eventSourceArn: streamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      filters: CHANGES_OF_STATUS,
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      // The stream keeps records for a day: retried until then, and kept in the queue after.
      maxRecordAge: Duration.hours(23),
      onFailure: new SqsDlq(undelivered),
    });
  }
}

type ImagePattern = { status: string[] } | "absent";

function image(before: ImagePattern, after: ImagePattern) {
  return FilterCriteria.filter({
    dynamodb: { OldImage: imagePattern(before), NewImage: imagePattern(after) },
  });
}

function imagePattern(pattern: ImagePattern) {
  if (pattern === "absent") return { organizationId: { S: [{ exists: false }] } };
  return { status: { S: pattern.status } };
}
