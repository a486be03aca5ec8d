/** What the props change in the template. */

import { describe, expect, it } from "@jest/globals";
import { App, CfnParameter, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { Table } from "aws-cdk-lib/aws-dynamodb";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { AgentHeartbeat } from "../../lib/agent-heartbeat";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";
import type { AgentHeartbeatProps } from "../../lib/props";
import { appProps } from "../../testing/cdk-context";

function stackOf(props: AgentHeartbeatProps): AgentHeartbeatStack {
  const app = new App(appProps());
  return new AgentHeartbeatStack(app, "Test", props);
}

describe("self-preservation of the sweep", () => {
  const sweepOf = (props: AgentHeartbeatProps) => {
    const template = Template.fromStack(stackOf(props));
    const [sweep] = Object.values(
      template.findResources("AWS::Lambda::Function", {
        Properties: { Environment: { Variables: { POWERTOOLS_SERVICE_NAME: "sweep" } } },
      }),
    );
    const alarms = template.findResources("AWS::CloudWatch::Alarm", {
      Properties: { AlarmDescription: Match.stringLikeRegexp("MassExpirySuspected") },
    });
    return {
      variables: sweep?.Properties.Environment.Variables,
      alarms: Object.keys(alarms).length,
    };
  };

  it("is configured by the props", () => {
    const selfPreservation = { share: 0.7, holdFor: Duration.minutes(10) };
    const { variables, alarms } = sweepOf({ selfPreservation });
    expect(variables).toMatchObject({
      SELF_PRESERVATION_SHARE: "0.7",
      SELF_PRESERVATION_MINIMUM: "20",
      SELF_PRESERVATION_HOLD_MS: "600000",
    });
    expect(alarms).toBe(1);
  });

  it("can be turned off", () => {
    const { variables, alarms } = sweepOf({ selfPreservation: false });
    expect(variables).not.toHaveProperty("SELF_PRESERVATION_SHARE");
    expect(alarms).toBe(0);
  });
});

describe("alarms", () => {
  const alarmsOf = (stack: Stack) =>
    Object.values(Template.fromStack(stack).findResources("AWS::CloudWatch::Alarm"));
  const descriptionsOf = (stack: Stack) =>
    alarmsOf(stack).map(({ Properties }) => String(Properties.AlarmDescription));

  it("notify the topic when they begin, and when they are over", () => {
    const stack = new Stack(new App(appProps()), "Host");
    new AgentHeartbeat(stack, "Presence", { alarmTopic: new Topic(stack, "Alarms") });
    const topic = [{ Ref: expect.stringMatching(/^Alarms/) }];
    const alarms = alarmsOf(stack);
    expect(alarms.length).toBeGreaterThan(10);
    for (const { Properties } of alarms) {
      expect(Properties).toMatchObject({ AlarmActions: topic, OKActions: topic });
    }
  });

  it("name the command that prints what to do, with the construct in somebody's stack", () => {
    const stack = new Stack(new App(appProps()), "Host");
    new AgentHeartbeat(stack, "Presence");
    expect(descriptionsOf(stack)).toContain(
      "functions fail. Severity: page. Runbook: agent-heartbeat runbook FunctionErrors --stack Host --construct Presence",
    );
  });

  it("link to a page of your own", () => {
    const stack = stackOf({ runbookUrl: "https://wiki.example.com/runbook" });
    expect(descriptionsOf(stack)).toContain(
      "functions fail. Severity: page. Runbook: https://wiki.example.com/runbook#functionerrors",
    );
  });
});

describe("sweeps closer together than a minute", () => {
  const template = () => Template.fromStack(stackOf({ sweepInterval: Duration.seconds(20) }));

  it("run in a function that is invoked every minute, with enough time", () => {
    const stack = template();
    stack.hasResourceProperties("AWS::Lambda::Function", {
      Environment: {
        Variables: { POWERTOOLS_SERVICE_NAME: "sweep", SWEEP_INTERVAL_MS: "20000" },
      },
      Timeout: 300,
    });
    const schedules = Object.values(stack.findResources("AWS::Events::Rule")).flatMap(
      ({ Properties }) => Properties.ScheduleExpression ?? [],
    );
    expect(schedules).toEqual(["rate(1 minute)"]);
  });

  it("raise an alarm after three minutes without a sweep", () => {
    template().hasResourceProperties("AWS::CloudWatch::Alarm", {
      AlarmDescription: Match.stringLikeRegexp("SweepMissing"),
      Period: 180,
    });
  });
});

describe("provisioned capacity", () => {
  const scaling = (template: Template) =>
    Object.values(template.findResources("AWS::ApplicationAutoScaling::ScalableTarget")).map(
      ({ Properties }) => [
        Properties.ScalableDimension,
        Properties.MinCapacity,
        Properties.MaxCapacity,
      ],
    );

  it("is of the status table alone, and follows its use within ten times the least", () => {
    const template = Template.fromStack(
      stackOf({ statusTableCapacity: { minWriteUnits: 5000, targetUtilization: 0.8 } }),
    );
    const modes = Object.entries(template.findResources("AWS::DynamoDB::Table")).map(
      ([id, { Properties }]) => [
        /AgentStatus|AgentRegistry|Subscriptions/.exec(id)?.[0],
        Properties.BillingMode ?? "PROVISIONED",
      ],
    );
    expect(Object.fromEntries(modes)).toEqual({
      AgentStatus: "PROVISIONED",
      AgentRegistry: "PAY_PER_REQUEST",
      Subscriptions: "PAY_PER_REQUEST",
    });
    template.hasResourceProperties("AWS::DynamoDB::Table", {
      ProvisionedThroughput: { ReadCapacityUnits: 250, WriteCapacityUnits: 5000 },
      StreamSpecification: { StreamViewType: "NEW_AND_OLD_IMAGES" },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
    expect(scaling(template)).toEqual([
      ["dynamodb:table:WriteCapacityUnits", 5000, 40_000],
      ["dynamodb:table:ReadCapacityUnits", 250, 2500],
    ]);
    template.allResourcesProperties("AWS::ApplicationAutoScaling::ScalingPolicy", {
      TargetTrackingScalingPolicyConfiguration: { TargetValue: 80 },
    });
  });

  it("may be known only when deploying", () => {
    const app = new App(appProps());
    const stack = new Stack(app, "Parameters");
    const units = new CfnParameter(stack, "Units", { type: "Number" }).valueAsNumber;
    new AgentHeartbeat(stack, "Presence", { statusTableCapacity: { minWriteUnits: units } });
    expect(scaling(Template.fromStack(stack))).toEqual([
      ["dynamodb:table:WriteCapacityUnits", { Ref: "Units" }, 40_000],
      ["dynamodb:table:ReadCapacityUnits", 5, 50],
    ]);
  });

  it("does not replace the table", () => {
    const idsOf = (props: AgentHeartbeatProps) =>
      Object.keys(Template.fromStack(stackOf(props)).findResources("AWS::DynamoDB::Table"));
    expect(idsOf({ statusTableCapacity: { minWriteUnits: 100 } })).toEqual(idsOf({}));
  });

  it("is refused for an existing status table, which has its own", () => {
    const stack = new Stack(new App(appProps()), "Existing");
    const status = Table.fromTableAttributes(stack, "Status", {
      tableName: "status",
      tableStreamArn: "arn:aws:dynamodb:eu-west-1:123456789012:table/status/stream/1",
    });
    const props = { tables: { status }, statusTableCapacity: { minWriteUnits: 100 } };
    expect(() => new AgentHeartbeat(stack, "Presence", props)).toThrow(
      "statusTableCapacity: expected none, because `tables.status` has its own",
    );
  });
});

describe("the props", () => {
  it("change what they name", () => {
    const template = Template.fromStack(
      stackOf({
        sweepInterval: Duration.minutes(1),
        logRetention: RetentionDays.ONE_WEEK,
        retention: Duration.days(30),
        removalPolicy: RemovalPolicy.DESTROY,
        throttling: { rateLimit: 100, burstLimit: 50 },
        accessLogs: true,
        tracing: true,
        heartbeat: {
          defaultInterval: Duration.minutes(1),
          defaultTimeoutMultiplier: 2.5,
          minInterval: Duration.seconds(10),
          maxInterval: Duration.minutes(5),
        },
        reconnect: { connectsPerSecond: 2000, maxWindow: Duration.minutes(10) },
      }),
    );
    template.hasResourceProperties("AWS::Events::Rule", { ScheduleExpression: "rate(1 minute)" });
    template.allResourcesProperties("AWS::Logs::LogGroup", { RetentionInDays: 7 });
    template.allResources("AWS::DynamoDB::Table", { DeletionPolicy: "Delete" });
    template.hasResourceProperties("AWS::ApiGatewayV2::Stage", {
      DefaultRouteSettings: { ThrottlingRateLimit: 100, ThrottlingBurstLimit: 50 },
      AccessLogSettings: { Format: Match.not(Match.stringLikeRegexp("header|Protocol|body")) },
    });
    const variables = (expected: object) =>
      template.hasResourceProperties("AWS::Lambda::Function", {
        Environment: { Variables: expected },
      });
    variables({
      DEFAULT_HEARTBEAT_INTERVAL_MS: "60000",
      DEFAULT_HEARTBEAT_TIMEOUT_MULTIPLIER: "2.5",
      MIN_HEARTBEAT_INTERVAL_MS: "10000",
      MAX_HEARTBEAT_INTERVAL_MS: "300000",
      CONNECTS_PER_SECOND: "2000",
      MAX_RECONNECT_WINDOW_MS: "600000",
    });
    const traced = Object.values(template.findResources("AWS::Lambda::Function")).filter(
      ({ Properties }) => Properties.Environment?.Variables?.POWERTOOLS_SERVICE_NAME !== undefined,
    );
    expect(traced).toHaveLength(16);
    for (const { Properties } of traced)
      expect(Properties.TracingConfig).toEqual({ Mode: "Active" });
    const [format] = Object.values(template.findResources("AWS::ApiGatewayV2::Stage")).map(
      ({ Properties }) => String(Properties.AccessLogSettings.Format),
    );
    // No headers, which include the token, no message content, and no authorizer context.
    expect(format).not.toMatch(/header|protocol"|body|authorizer|querystring/i);
    variables({ POWERTOOLS_SERVICE_NAME: "heartbeat", RETENTION_MS: String(30 * 86_400_000) });
  });

  it("can leave out every alarm", () => {
    const template = Template.fromStack(stackOf({ alarms: false }));
    template.resourceCountIs("AWS::CloudWatch::Alarm", 0);
  });

  it("can leave out the dashboard", () => {
    const template = Template.fromStack(stackOf({ dashboard: false }));
    template.resourceCountIs("AWS::CloudFront::Distribution", 0);
    template.resourceCountIs("AWS::S3::Bucket", 0);
    expect(template.findOutputs("DashboardUrl")).toEqual({});
  });

  it.each<[AgentHeartbeatProps, string]>([
    [
      { sweepInterval: Duration.seconds(90) },
      "sweepInterval: expected whole minutes, or one of 10, 12, 15, 20, 30 seconds, got 1 minute 30 seconds",
    ],
    [
      { sweepInterval: Duration.seconds(25) },
      "sweepInterval: expected whole minutes, or one of 10, 12, 15, 20, 30 seconds, got 25 seconds",
    ],
    [{ selfPreservation: { share: 0 } }, "selfPreservation.share: expected 0.05 to 0.95, got 0"],
    [
      { selfPreservation: { minimum: 0.5 } },
      "selfPreservation.minimum: expected a whole number from 1 to 1000000, got 0.5",
    ],
    [
      { selfPreservation: { holdFor: Duration.hours(2) } },
      "selfPreservation.holdFor: expected 1 minute to 1 hour, got 2 hours",
    ],
    [
      { sweepInterval: Duration.seconds(6) },
      "sweepInterval: expected 10 seconds to 1 day, got 6 seconds",
    ],
    [
      { reconnect: { maxWindow: Duration.hours(2) } },
      "reconnect.maxWindow: expected 0 seconds to 1 hour, got 2 hours",
    ],
    [
      { reconnect: { connectsPerSecond: 0 } },
      "reconnect.connectsPerSecond: expected a whole number from 1 to 1000000, got 0",
    ],
    [
      { heartbeat: { maxInterval: Duration.minutes(10) } },
      "heartbeat.maxInterval: expected 5 seconds to 9 minutes, got 10 minutes",
    ],
    [
      { heartbeat: { minInterval: Duration.seconds(1) } },
      "heartbeat.minInterval: expected 5 seconds to 9 minutes, got 1 second",
    ],
    [
      { heartbeat: { minInterval: Duration.minutes(1) } },
      "heartbeat.defaultInterval: expected 1 minute to 9 minutes, got 30 seconds",
    ],
    [
      { heartbeat: { defaultTimeoutMultiplier: 1 } },
      "heartbeat.defaultTimeoutMultiplier: expected 1.5 to 20, got 1",
    ],
    [
      { throttling: { rateLimit: 0, burstLimit: 1 } },
      "throttling.rateLimit: expected a whole number from 1 to 1000000, got 0",
    ],
    [{ alarms: "all" as never }, 'alarms: expected true, false or "essential", got all'],
    [
      { statusTableCapacity: { minWriteUnits: 1, maxWriteUnit: 2 } as never },
      "statusTableCapacity.maxWriteUnit",
    ],
    [
      { statusTableCapacity: { minWriteUnits: 0 } },
      "statusTableCapacity.minWriteUnits: expected a whole number from 1 to 40000, got 0",
    ],
    [
      { statusTableCapacity: { minWriteUnits: 100, maxWriteUnits: 50 } },
      "statusTableCapacity.maxWriteUnits: expected a whole number from 100 to 40000, got 50",
    ],
    [
      { statusTableCapacity: { minWriteUnits: 100, minReadUnits: 2.5 } },
      "statusTableCapacity.minReadUnits: expected a whole number from 1 to 40000, got 2.5",
    ],
    [
      { statusTableCapacity: { minWriteUnits: 100, maxReadUnits: 4 } },
      "statusTableCapacity.maxReadUnits: expected a whole number from 5 to 40000, got 4",
    ],
    [
      { statusTableCapacity: { minWriteUnits: 100, targetUtilization: 95 } },
      "statusTableCapacity.targetUtilization: expected 0.2 to 0.9, got 95",
    ],
    [{ retention: Duration.minutes(1) }, "retention: expected 1 hour to 365 days, got 1 minute"],
  ])("outside their limits are refused: %j", (props, message) => {
    expect(() => stackOf(props)).toThrow(message);
  });
});
