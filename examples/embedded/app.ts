/**
 * The construct in your own CDK app, with custom settings, beside a backend that reads the status.
 *
 * The construct needs no CDK feature flag, and no flag changes its logical ids. Two flags are worth
 * setting in the app's cdk.json: `@aws-cdk/aws-iam:minimizePolicies` for shorter policies, and
 * `@aws-cdk/core:defaultCrossStackReferences`, which keeps a stack that reads the tables from
 * locking this one.
 */

import { AgentHeartbeat } from "@agent-heartbeat/cdk";
import { App, Duration, Stack } from "aws-cdk-lib";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";

const app = new App();
const stack = new Stack(app, "MyService");

const presence = new AgentHeartbeat(stack, "Presence", {
  heartbeat: { defaultInterval: Duration.minutes(1), minInterval: Duration.seconds(15) },
  sweepInterval: Duration.minutes(1),
  retention: Duration.days(30),
});

const backend = new LambdaFunction(stack, "Backend", {
  runtime: Runtime.NODEJS_24_X,
  handler: "index.handler",
  code: Code.fromInline("exports.handler = async () => process.env.STATUS_TABLE_NAME;"),
  environment: { STATUS_TABLE_NAME: presence.statusTable.tableName },
});
presence.grantReadStatus(backend);
