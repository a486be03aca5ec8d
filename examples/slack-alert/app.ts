/**
 * A CDK app that posts to a Slack channel when agents are lost. The webhook's URL is a secret and
 * not part of the template. Store it once:
 *
 *     aws ssm put-parameter --type SecureString --name /agent-heartbeat/slack-webhook --value
 * https://hooks.slack.com/...
 */

import { join } from "node:path";
import { AgentHeartbeat } from "@agent-heartbeat/cdk";
import { App, Duration, Stack } from "aws-cdk-lib";
import { Rule } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import { Runtime } from "aws-cdk-lib/aws-lambda";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { NodejsFunction } from "aws-cdk-lib/aws-lambda-nodejs";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import { GRACE_SECONDS, LOST } from "./alert";

const app = new App();
const stack = new Stack(app, "SlackAlert");

const { eventBus, statusTable } = new AgentHeartbeat(stack, "Presence", { dashboard: false });
const webhook = StringParameter.fromSecureStringParameterAttributes(stack, "Webhook", {
  parameterName: "/agent-heartbeat/slack-webhook",
});

const alert = new NodejsFunction(stack, "Alert", {
  description: "Reports lost agents to Slack",
  entry: join(__dirname, "handler.ts"),
  runtime: Runtime.NODEJS_24_X,
  timeout: Duration.minutes(1),
  environment: {
    STATUS_TABLE_NAME: statusTable.tableName,
    WEBHOOK_PARAMETER: webhook.parameterName,
  },
});
webhook.grantRead(alert);
statusTable.grant(alert, "dynamodb:GetItem");

// A message waits here for the grace period, is retried while Slack rejects it, and moves to the
// dead-letter queue after that.
const undelivered = new Queue(stack, "Undelivered", {
  retentionPeriod: Duration.days(14),
  enforceSSL: true,
});
const lost = new Queue(stack, "Lost", {
  deliveryDelay: Duration.seconds(GRACE_SECONDS),
  visibilityTimeout: Duration.minutes(6),
  deadLetterQueue: { queue: undelivered, maxReceiveCount: 5 },
  enforceSSL: true,
});
alert.addEventSource(
  // Slack accepts one message per second and webhook.
  new SqsEventSource(lost, { batchSize: 5, maxConcurrency: 2, reportBatchItemFailures: true }),
);

new Rule(stack, "LostAgents", {
  eventBus,
  eventPattern: { detailType: ["Agent Offline"], detail: { reason: [...LOST] } },
  targets: [new SqsQueue(lost)],
});
