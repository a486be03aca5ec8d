/** Delivers `Agent Message` events on the event bus to agents. */

import { type IEventBus, Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { EVENT_DETAIL_TYPES } from "../core/events";
import { BundledFunction, type FunctionSettings } from "./bundled-function";
import { undeliveredQueue } from "./encryption";
import type { WebSocketGateway } from "./websocket-gateway";

export interface MessageEventsProps {
  readonly functions: FunctionSettings;
  readonly encryptionKey: IKey | undefined;
  readonly gateway: WebSocketGateway;
  readonly eventBus: IEventBus;
}

export class MessageEvents extends Construct {
  readonly function: BundledFunction;
  /** Queue of messages that could not be delivered. */
  readonly undelivered: Queue;

  constructor(scope: Construct, id: string, props: MessageEventsProps) {
    super(scope, id);
    const { functions, gateway, eventBus, encryptionKey } = props;
    const deliver = new BundledFunction(this, "Deliver", {
      entry: "deliver",
      description: "Delivers messages from the event bus to agents",
      settings: functions,
    });
    gateway.grantDeliver(deliver);
    const undelivered = undeliveredQueue(this, encryptionKey);
    // EventBridge only hands events to Lambda's queue, which retries a function that fails, and gives up into the same queue.
    deliver.configureAsyncInvoke({ retryAttempts: 2, onFailure: new SqsDestination(undelivered) });
    this.function = deliver;
    this.undelivered = undelivered;
    new Rule(this, "Messages", {
      description: "Messages that any service may send to agents",
      eventBus,
      eventPattern: { detailType: [EVENT_DETAIL_TYPES.message] },
      targets: [new LambdaFunction(deliver, { deadLetterQueue: undelivered })],
    });
  }
}
