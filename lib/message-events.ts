/** The way from an `Agent Message` event on the bus to agents. */

import { Duration } from "aws-cdk-lib";
import { type IEventBus, Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { MESSAGE_DETAIL_TYPE } from "../core/names";
import { BundledFunction, type FunctionSettings } from "./bundled-function";
import { queueEncryption } from "./encryption";
import type { Settings } from "./settings";
import type { WebSocketGateway } from "./websocket-gateway";

export interface MessageEventsProps extends Settings, FunctionSettings {
  readonly gateway: WebSocketGateway;
  readonly eventBus: IEventBus;
}

export class MessageEvents extends Construct {
  readonly function: BundledFunction;
  /** Messages that could not be delivered. */
  readonly undelivered: Queue;

  constructor(scope: Construct, id: string, props: MessageEventsProps) {
    super(scope, id);
    const { gateway, eventBus, encryptionKey } = props;
    const deliver = new BundledFunction(this, "Deliver", {
      entry: "deliver",
      description: "Brings messages from the event bus to agents",
      environment: gateway.deliveryEnvironment,
      settings: props,
    });
    gateway.grantDeliver(deliver);
    const undelivered = new Queue(this, "Undelivered", {
      retentionPeriod: Duration.days(14),
      ...queueEncryption(encryptionKey),
      enforceSSL: true,
    });
    this.function = deliver;
    this.undelivered = undelivered;
    new Rule(this, "Messages", {
      description: "Messages that any service may send to agents",
      eventBus,
      eventPattern: { detailType: [MESSAGE_DETAIL_TYPE] },
      targets: [new LambdaFunction(deliver, { retryAttempts: 2, deadLetterQueue: undelivered })],
    });
  }
}
