/** Sweeps closer together than a minute, the shortest schedule of EventBridge: delayed messages start them. */

import { Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { BundledFunction, type FunctionSettings } from "./bundled-function";
import { queueEncryption } from "./encryption";
import type { Settings } from "./settings";

export interface SweepTicksProps extends Settings, FunctionSettings {
  readonly sweep: BundledFunction;
}

export class SweepTicks extends Construct {
  constructor(scope: Construct, id: string, props: SweepTicksProps) {
    super(scope, id);
    const { sweep, sweepInterval, encryptionKey } = props;
    const sweepTimeout = sweep.timeout as Duration;
    const queue = new Queue(this, "Sweeps", {
      // A sweep that has not begun within two minutes is made up for by those that came after it.
      retentionPeriod: Duration.minutes(2),
      visibilityTimeout: Duration.seconds(6 * sweepTimeout.toSeconds()),
      ...queueEncryption(encryptionKey),
      enforceSSL: true,
    });
    // Sweeps that take longer than the interval are not started side by side: what waited is one run.
    sweep.addEventSource(new SqsEventSource(queue, { batchSize: 10, maxConcurrency: 2 }));

    const planner = new BundledFunction(this, "Planner", {
      entry: "plan-sweeps",
      description: "Plans the sweeps of the coming minute",
      environment: {
        SWEEPS_QUEUE_URL: queue.queueUrl,
        SWEEP_INTERVAL_SECONDS: String(sweepInterval.toSeconds()),
      },
      settings: props,
      memorySize: 128,
    });
    queue.grantSendMessages(planner);
    new Rule(this, "Schedule", {
      description: "Plans the sweeps of the coming minute",
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [new LambdaFunction(planner, { retryAttempts: 0 })],
    });
  }
}
