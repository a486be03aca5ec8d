/** The sweep: a function on a schedule that stores agents with expired leases as offline. */

import { Duration } from "aws-cdk-lib";
import type { IEventBus } from "aws-cdk-lib/aws-events";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Construct } from "constructs";
import { BundledFunction, type FunctionSettings } from "./bundled-function";
import { leaseEnvironment } from "./gateway-functions";
import type { Settings } from "./settings";
import type { Storage } from "./storage";
import type { WebSocketGateway } from "./websocket-gateway";

export interface SweepProps {
  readonly settings: Settings;
  readonly functions: FunctionSettings;
  readonly storage: Storage;
  readonly gateway: WebSocketGateway;
  readonly eventBus: IEventBus;
}

export class Sweep extends Construct {
  readonly function: BundledFunction;

  constructor(scope: Construct, id: string, props: SweepProps) {
    super(scope, id);
    const { settings, functions, storage, gateway, eventBus } = props;
    const { sweepInterval, selfPreservation } = settings;
    const sweep = new BundledFunction(this, "Sweep", {
      entry: "sweep",
      description: "Stores agents with expired leases as offline",
      environment: {
        ...leaseEnvironment(settings),
        SWEEP_INTERVAL_MS: String(sweepInterval.toMilliseconds()),
      },
      settings: functions,
      memorySize: 512,
      timeout: Duration.minutes(5),
    });
    storage.grantAccess(sweep, {
      status: ["Scan", "UpdateItem"],
      registry: ["GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"],
    });
    gateway.grantConnections(sweep, "DELETE");
    if (selfPreservation) {
      const { share, minimum, holdFor } = selfPreservation;
      sweep.addEnvironment("EVENT_BUS_NAME", eventBus.eventBusName);
      sweep.addEnvironment("SELF_PRESERVATION_SHARE", String(share));
      sweep.addEnvironment("SELF_PRESERVATION_MINIMUM", String(minimum));
      sweep.addEnvironment("SELF_PRESERVATION_HOLD_MS", String(holdFor.toMilliseconds()));
      gateway.grantConnections(sweep, "GET");
      eventBus.grantPutEventsTo(sweep);
    }
    this.function = sweep;
    // EventBridge's shortest schedule. For shorter intervals, an invocation sweeps several times.
    const minute = Duration.minutes(1);
    // The next run does what a failed one left undone. Lambda's own retries would run beside it.
    sweep.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: minute });
    const shortest = sweepInterval.toMilliseconds() < minute.toMilliseconds();
    new Rule(this, "Schedule", {
      description: "Starts the sweep",
      schedule: Schedule.rate(shortest ? minute : sweepInterval),
      targets: [new LambdaFunction(sweep, { retryAttempts: 0 })],
    });
  }
}
