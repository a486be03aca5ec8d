/** The sweep: a function on a schedule that stores as offline whose lease ran out unseen. */

import { Duration } from "aws-cdk-lib";
import type { IEventBus } from "aws-cdk-lib/aws-events";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Construct } from "constructs";
import { BundledFunction, type FunctionSettings } from "./bundled-function";
import type { Settings } from "./settings";
import type { Storage } from "./storage";
import { leaseEnvironment, type WebSocketGateway } from "./websocket-gateway";

export interface SweepProps extends Settings, FunctionSettings {
  readonly storage: Storage;
  readonly gateway: WebSocketGateway;
  readonly eventBus: IEventBus;
}

export class Sweep extends Construct {
  readonly function: BundledFunction;

  constructor(scope: Construct, id: string, props: SweepProps) {
    super(scope, id);
    const { storage, gateway, eventBus, sweepInterval, selfPreservation } = props;
    const sweep = new BundledFunction(this, "Sweep", {
      entry: "sweep",
      description: "Stores as offline whose lease ran out unseen",
      environment: {
        ...leaseEnvironment(props),
        REGISTRY_TABLE_NAME: storage.registryTable.tableName,
        CALLBACK_URL: gateway.callbackUrl,
        SWEEP_INTERVAL_MS: String(sweepInterval.toMilliseconds()),
        ...(selfPreservation && {
          EVENT_BUS_NAME: eventBus.eventBusName,
          SELF_PRESERVATION_SHARE: String(selfPreservation.share),
          SELF_PRESERVATION_MINIMUM: String(selfPreservation.minimum),
          SELF_PRESERVATION_HOLD_MS: String(selfPreservation.holdFor.toMilliseconds()),
        }),
      },
      settings: props,
      memorySize: 512,
      timeout: Duration.minutes(5),
    });
    storage.statusTable.grant(sweep, "dynamodb:Scan", "dynamodb:UpdateItem");
    storage.registryTable.grant(
      sweep,
      "dynamodb:GetItem",
      "dynamodb:Query",
      "dynamodb:PutItem",
      "dynamodb:DeleteItem",
    );
    gateway.grantClose(sweep);
    if (selfPreservation) {
      storage.registryTable.grant(sweep, "dynamodb:UpdateItem");
      gateway.grantLook(sweep);
      eventBus.grantPutEventsTo(sweep);
    }
    this.function = sweep;
    // The shortest schedule of EventBridge. Below it, an invocation sweeps several times.
    const minute = Duration.minutes(1);
    const shortest = sweepInterval.toMilliseconds() < minute.toMilliseconds();
    new Rule(this, "Schedule", {
      description: "Starts the sweep",
      schedule: Schedule.rate(shortest ? minute : sweepInterval),
      // The next run finds what a failed one left.
      targets: [new LambdaFunction(sweep, { retryAttempts: 0 })],
    });
  }
}
