/** The examples that are CDK apps make the stacks that they say. */

import { beforeEach, describe, it, jest } from "@jest/globals";
import { App, type Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";

/** Runs an example, and gives the stack that its app holds. */
async function stackOf(example: string): Promise<Template> {
  const apps: App[] = [];
  const library = jest.requireActual<typeof import("aws-cdk-lib")>("aws-cdk-lib");
  jest.doMock("aws-cdk-lib", () => ({
    ...library,
    App: class extends App {
      constructor() {
        super({ context: { "aws:cdk:bundling-stacks": [] } });
        apps.push(this);
      }
    },
  }));
  await import(`../../examples/${example}/main`);
  return Template.fromStack(apps[0]?.node.children[0] as Stack);
}

describe("the example", () => {
  beforeEach(() => {
    jest.resetModules();
  });

  it("offline-alert mails about agents that are lost, and not about those that leave", async () => {
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

  it("embedded lets a backend read the status table", async () => {
    const template = await stackOf("embedded");
    template.hasResourceProperties("AWS::IAM::Policy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Action: ["dynamodb:GetItem", "dynamodb:Query"] }),
        ]),
      },
      Roles: [{ Ref: Match.stringLikeRegexp("^Backend") }],
    });
    template.hasResourceProperties("AWS::Events::Rule", { ScheduleExpression: "rate(1 minute)" });
  });
});
