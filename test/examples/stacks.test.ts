/** Checks the stacks that the CDK examples define. */

import { beforeEach, describe, it, jest } from "@jest/globals";
import { App, type Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { appProps } from "../../testing/cdk-context";

const templates = new Map<string, Promise<Template>>();

/** Runs an example and returns the template of its stack. */
function stackOf(example: string): Promise<Template> {
  const made = templates.get(example) ?? synthesized(example);
  templates.set(example, made);
  return made;
}

async function synthesized(example: string): Promise<Template> {
  const apps: App[] = [];
  const library = jest.requireActual<typeof import("aws-cdk-lib")>("aws-cdk-lib");
  jest.doMock("aws-cdk-lib", () => ({
    ...library,
    App: class extends App {
      constructor() {
        super(appProps());
        apps.push(this);
      }
    },
  }));
  await import(`../../examples/${example}/app`);
  return Template.fromStack(apps[0]?.node.children[0] as Stack);
}

// Each run loads CDK again, which takes a while on a busy machine.

const tableNamed = (name: string) => ({ "Fn::GetAtt": [Match.stringLikeRegexp(name), "Arn"] });

describe("the example", () => {
  beforeEach(() => {
    jest.resetModules();
  });

  it("offline-alert sends mail about lost agents, but not about agents that leave", async () => {
    const template = await stackOf("offline-alert");
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: {
        "detail-type": ["Agent Offline"],
        detail: { reason: ["connection_lost", "lease_expired"] },
      },
      Targets: [Match.objectLike({ Arn: { Ref: Match.stringLikeRegexp("^Lost") } })],
    });
    template.hasResourceProperties("AWS::SNS::Subscription", { Protocol: "email" });
  });

  it("slack-alert delays a loss for a minute, tries five times, and keeps undelivered messages", async () => {
    const template = await stackOf("slack-alert");
    const reference = (name: string) => ({
      "Fn::GetAtt": [Match.stringLikeRegexp(`^${name}[0-9A-F]+$`), "Arn"],
    });
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: {
        "detail-type": ["Agent Offline"],
        detail: { reason: ["connection_lost", "lease_expired"] },
      },
      Targets: [Match.objectLike({ Arn: reference("Lost") })],
    });
    template.hasResourceProperties("AWS::SQS::Queue", {
      DelaySeconds: 60,
      RedrivePolicy: { deadLetterTargetArn: reference("Undelivered"), maxReceiveCount: 5 },
    });
    template.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
      EventSourceArn: reference("Lost"),
      FunctionResponseTypes: ["ReportBatchItemFailures"],
    });
  });

  it("slack-alert can read only one secret and the status table", async () => {
    const template = await stackOf("slack-alert");
    template.hasResourceProperties("AWS::Lambda::Function", {
      Environment: {
        Variables: Match.objectLike({ WEBHOOK_PARAMETER: "/agent-heartbeat/slack-webhook" }),
      },
    });
    template.hasResourceProperties("AWS::IAM::Policy", {
      PolicyDocument: {
        Statement: [
          Match.objectLike({ Action: Match.arrayWith(["ssm:GetParameter"]) }),
          Match.objectLike({ Action: "dynamodb:GetItem" }),
          Match.objectLike({ Action: Match.arrayWith(["sqs:ReceiveMessage"]) }),
        ],
      },
      Roles: [{ Ref: Match.stringLikeRegexp("^Alert") }],
    });
  });

  it("embedded lets a backend read the status table", async () => {
    const template = await stackOf("embedded");
    template.hasResourceProperties("AWS::IAM::Policy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ["dynamodb:GetItem", "dynamodb:Query"],
            Resource: tableNamed("AgentStatus"),
          }),
          Match.objectLike({
            Action: Match.arrayWith(["dynamodb:Query"]),
            Resource: tableNamed("AgentRegistry"),
          }),
        ]),
      },
      Roles: [{ Ref: Match.stringLikeRegexp("^Backend") }],
    });
    template.hasResourceProperties("AWS::Events::Rule", { ScheduleExpression: "rate(1 minute)" });
  });
});
