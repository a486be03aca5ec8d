/** The way from an `Agent Message` event on the bus to agents. */

import type { EventBus } from "aws-cdk-lib/aws-events";
import { Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Construct } from "constructs";
import { MESSAGE_DETAIL_TYPE } from "../lambda/names";
import { BundledFunction } from "./bundled-function";
import type { Settings } from "./props";
import type { WebSocketGateway } from "./websocket-gateway";

export interface MessageEventsProps extends Settings {
  readonly gateway: WebSocketGateway;
  readonly eventBus: EventBus;
}

export class MessageEvents extends Construct {
  constructor(scope: Construct, id: string, props: MessageEventsProps) {
    super(scope, id);
    const { gateway, eventBus, logRetention } = props;
    const deliver = new BundledFunction(this, "Deliver", {
      entry: "deliver",
      description: "Brings messages from the event bus to agents",
      environment: gateway.deliveryEnvironment,
      logRetention,
    });
    gateway.grantDeliver(deliver);
    new Rule(this, "Messages", {
      description: "Messages that any service may send to agents",
      eventBus,
      eventPattern: { detailType: [MESSAGE_DETAIL_TYPE] },
      targets: [new LambdaFunction(deliver, { retryAttempts: 2 })],
    });
  }
}
