/** What matters in the template: cost, privileges, safety of data, and the ways between the parts. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { App, Duration, RemovalPolicy } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";
import type { AgentHeartbeatProps } from "../../lib/props";
import { appProps } from "../../testing/cdk-context";

type Resource = { Type: string; Properties: Record<string, unknown>; DeletionPolicy?: string };
type Statement = { Action: string | string[]; Resource: unknown; Effect: string };

function stackOf(props: AgentHeartbeatProps = {}): AgentHeartbeatStack {
  const app = new App(appProps());
  return new AgentHeartbeatStack(app, "Test", props);
}

/** A connection that floods, or has lost its agent's row, is told so and closed. */
const CLOSE = [
  "execute-api:ManageConnections @connections DELETE",
  "execute-api:ManageConnections @connections POST",
];
/** Whoever sends a message is judged by its row. */
const GUARD = "dynamodb:GetItem AgentStatus";

const DELIVERY = [
  "dynamodb:BatchWriteItem Subscriptions",
  "dynamodb:GetItem AgentStatus",
  "dynamodb:Query Subscriptions",
  "dynamodb:Query Subscriptions by connection",
  ...CLOSE,
];

describe("the template", () => {
  let template: Template;
  beforeAll(() => {
    template = Template.fromStack(stackOf());
  });

  const resources = (type: string) =>
    Object.values(template.findResources(type)) as unknown as Resource[];

  function functionNamed(entry: string) {
    const [found] = Object.entries(
      template.findResources("AWS::Lambda::Function", {
        Properties: { Environment: { Variables: { POWERTOOLS_SERVICE_NAME: entry } } },
      }),
    );
    if (!found) throw new Error(`no function ${entry}`);
    return { id: found[0], properties: found[1].Properties };
  }

  /** The statements of the function's own role, as "action resource". */
  function privilegesOf(entry: string): string[] {
    const role = functionNamed(entry).properties.Role["Fn::GetAtt"][0];
    const policies = resources("AWS::IAM::Policy").filter(({ Properties }) =>
      (Properties.Roles as unknown as { Ref: string }[]).some(({ Ref }) => Ref === role),
    );
    return policies
      .flatMap(
        ({ Properties }) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement,
      )
      .flatMap(({ Action, Resource }) =>
        [Action]
          .flat()
          .flatMap((action) =>
            [Resource].flat().map((resource) => `${action} ${target(resource)}`),
          ),
      )
      .filter((privilege) => !privilege.startsWith("logs:"))
      .sort();
  }

  function target(resource: unknown): string {
    const text = JSON.stringify(resource);
    const [, part] =
      /(AgentStatus|AgentRegistry|Subscriptions|Events|Undelivered|@connections)/.exec(text) ?? [];
    const [, method] = /(GET|POST|DELETE)\/@connections\/\*/.exec(text) ?? [];
    const index = text.includes("/index/byConnection") ? "by connection" : undefined;
    return [part ?? text, method, index].filter(Boolean).join(" ");
  }

  it.each([
    ["authorize", ["dynamodb:GetItem AgentRegistry", "dynamodb:PutItem AgentRegistry"]],
    ["connect", ["dynamodb:UpdateItem AgentStatus"]],
    [
      "heartbeat",
      [
        "dynamodb:UpdateItem AgentStatus",
        "execute-api:ManageConnections @connections DELETE",
        "execute-api:ManageConnections @connections POST",
      ],
    ],
    [
      "disconnect",
      [
        "dynamodb:BatchWriteItem Subscriptions",
        "dynamodb:Query Subscriptions by connection",
        "dynamodb:UpdateItem AgentStatus",
      ],
    ],
    ["history", [GUARD, "dynamodb:Query AgentRegistry", ...CLOSE]],
    ["profile", [GUARD, "dynamodb:UpdateItem AgentRegistry", ...CLOSE]],
    [
      "subscribe",
      [
        "dynamodb:DeleteItem Subscriptions",
        GUARD,
        "dynamodb:PutItem Subscriptions",
        "dynamodb:Query Subscriptions by connection",
        ...CLOSE,
      ],
    ],
    ["unsubscribe", ["dynamodb:DeleteItem Subscriptions", ...CLOSE]],
    ["publish", DELIVERY],
    ["deliver", DELIVERY],
    [
      "list",
      [
        "dynamodb:GetItem AgentRegistry",
        GUARD,
        "dynamodb:Query AgentRegistry",
        "dynamodb:Query AgentStatus",
        ...CLOSE,
      ],
    ],
    ["fallback", CLOSE],
    [
      "sweep",
      [
        "dynamodb:DeleteItem AgentRegistry",
        "dynamodb:GetItem AgentRegistry",
        "dynamodb:PutItem AgentRegistry",
        "dynamodb:Query AgentRegistry",
        "dynamodb:Scan AgentStatus",
        "dynamodb:UpdateItem AgentRegistry",
        "dynamodb:UpdateItem AgentStatus",
        "events:PutEvents Events",
        "execute-api:ManageConnections @connections DELETE",
        "execute-api:ManageConnections @connections GET",
      ],
    ],
    [
      "transitions",
      [
        "dynamodb:BatchWriteItem Subscriptions",
        "dynamodb:DescribeStream AgentStatus",
        "dynamodb:GetItem AgentStatus",
        "dynamodb:GetRecords AgentStatus",
        "dynamodb:GetShardIterator AgentStatus",
        "dynamodb:ListStreams AgentStatus",
        "dynamodb:PutItem AgentRegistry",
        "dynamodb:Query Subscriptions",
        "dynamodb:Query Subscriptions by connection",
        "dynamodb:UpdateItem AgentRegistry",
        "events:PutEvents Events",
        "execute-api:ManageConnections @connections DELETE",
        "execute-api:ManageConnections @connections POST",
        "sqs:GetQueueAttributes Undelivered",
        "sqs:GetQueueUrl Undelivered",
        "sqs:SendMessage Undelivered",
      ],
    ],
  ])("allows %s these actions and no others", (entry, privileges) => {
    expect(privilegesOf(entry)).toEqual(privileges);
  });

  it("names a resource in every policy statement, and attaches no managed policy", () => {
    const statements = resources("AWS::IAM::Policy").flatMap(
      ({ Properties }) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement,
    );
    expect(statements.filter(({ Resource }) => [Resource].flat().includes("*"))).toEqual([]);
    expect(
      statements.filter(({ Action }) => [Action].flat().some((action) => action.includes("*"))),
    ).toEqual([]);
    for (const { Properties } of resources("AWS::IAM::Role")) {
      expect(Properties).not.toHaveProperty("ManagedPolicyArns");
    }
  });

  it("keeps presence in an on-demand table with a TTL, a stream, recovery, and no index", () => {
    template.hasResource("AWS::DynamoDB::Table", {
      DeletionPolicy: "Retain",
      Properties: {
        KeySchema: [
          { AttributeName: "organizationId", KeyType: "HASH" },
          { AttributeName: "agentId", KeyType: "RANGE" },
        ],
        BillingMode: "PAY_PER_REQUEST",
        TimeToLiveSpecification: { AttributeName: "ttlEpochSeconds", Enabled: true },
        StreamSpecification: { StreamViewType: "NEW_AND_OLD_IMAGES" },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        DeletionProtectionEnabled: true,
        GlobalSecondaryIndexes: Match.absent(),
        LocalSecondaryIndexes: Match.absent(),
      },
    });
  });

  it("keeps the logical ids of resources that must never be replaced, and names no table", () => {
    const kept = [
      "DynamoDB::Table",
      "ApiGatewayV2::Api",
      "ApiGatewayV2::Stage",
      "Events::EventBus",
    ];
    const ids = kept.flatMap((type) => Object.keys(template.findResources(`AWS::${type}`)));
    expect(ids.sort()).toEqual([
      "PresenceEventsE6C547E8",
      "PresenceGatewayApi08494033",
      "PresenceGatewayStage1AEB8750",
      "PresenceStorageAgentRegistryB2900414",
      "PresenceStorageAgentStatus675B37AF",
      "PresenceStorageSubscriptionsCD9A02ED",
    ]);
    for (const { Properties } of resources("AWS::DynamoDB::Table")) {
      expect(Properties).not.toHaveProperty("TableName");
    }
    // A stage and a bus need a name; another one would be another stage, or bus.
    template.hasResourceProperties("AWS::ApiGatewayV2::Api", { ProtocolType: "WEBSOCKET" });
    template.hasResourceProperties("AWS::ApiGatewayV2::Stage", { StageName: "prod" });
    template.hasResourceProperties("AWS::Events::EventBus", {
      Name: "TestPresenceEvents50954F82",
    });
  });

  it("keeps undelivered events encrypted for two weeks", () => {
    const queues = template.findResources("AWS::SQS::Queue");
    for (const { Properties } of Object.values(queues)) {
      expect(Properties).toMatchObject({
        MessageRetentionPeriod: 14 * 86_400,
        SqsManagedSseEnabled: true,
      });
    }
    const [fromStream] = resources("AWS::Lambda::EventSourceMapping").map(
      ({ Properties }) =>
        (Properties.DestinationConfig as { OnFailure: { Destination: { "Fn::GetAtt": string[] } } })
          .OnFailure.Destination["Fn::GetAtt"][0],
    );
    const targets = resources("AWS::Events::Rule").flatMap(
      ({ Properties }) =>
        Properties.Targets as { DeadLetterConfig?: { Arn: { "Fn::GetAtt": string[] } } }[],
    );
    const fromRules = targets.flatMap(({ DeadLetterConfig: d }) => d?.Arn["Fn::GetAtt"][0] ?? []);
    expect([fromStream, ...fromRules].sort()).toEqual(Object.keys(queues).sort());
    template.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
      MaximumRecordAgeInSeconds: 23 * 3600,
    });
  });

  it("keeps the registry in a table whose nonces expire", () => {
    template.hasResource("AWS::DynamoDB::Table", {
      DeletionPolicy: "Retain",
      Properties: {
        KeySchema: [
          { AttributeName: "organizationId", KeyType: "HASH" },
          { AttributeName: "recordId", KeyType: "RANGE" },
        ],
        TimeToLiveSpecification: { AttributeName: "ttlEpochSeconds", Enabled: true },
        StreamSpecification: Match.absent(),
      },
    });
  });

  it("keeps subscriptions in a table with a TTL and an index by connection", () => {
    template.hasResource("AWS::DynamoDB::Table", {
      DeletionPolicy: "Delete",
      Properties: {
        KeySchema: [
          { AttributeName: "address", KeyType: "HASH" },
          { AttributeName: "subscriber", KeyType: "RANGE" },
        ],
        TimeToLiveSpecification: { AttributeName: "ttlEpochSeconds", Enabled: true },
        GlobalSecondaryIndexes: [
          Match.objectLike({
            IndexName: "byConnection",
            KeySchema: [{ AttributeName: "connectionId", KeyType: "HASH" }],
            Projection: { ProjectionType: "KEYS_ONLY" },
          }),
        ],
      },
    });
  });

  it("routes by the message's type, and answers messages by the route's response", () => {
    template.hasResourceProperties("AWS::ApiGatewayV2::Api", {
      ProtocolType: "WEBSOCKET",
      RouteSelectionExpression: "$request.body.type",
    });
    const routes = Object.entries(template.findResources("AWS::ApiGatewayV2::Route"));
    const answering = resources("AWS::ApiGatewayV2::RouteResponse").map(
      ({ Properties }) => (Properties.RouteId as { Ref: string }).Ref,
    );
    const table = routes.map(([id, { Properties }]) => [
      Properties.RouteKey,
      Properties.AuthorizationType,
      answering.includes(id),
    ]);
    expect(table.sort()).toEqual([
      ["$connect", "CUSTOM", false],
      ["$default", "NONE", true],
      ["$disconnect", "NONE", false],
      ["heartbeat", "NONE", true],
      ["heartbeat_quiet", "NONE", false],
      ["history", "NONE", true],
      ["list", "NONE", true],
      ["profile", "NONE", true],
      ["publish", "NONE", true],
      ["subscribe", "NONE", true],
      ["unsubscribe", "NONE", true],
    ]);
  });

  it("authorizes by the header with the token, so that requests without one cost no invocation", () => {
    template.hasResourceProperties("AWS::ApiGatewayV2::Authorizer", {
      AuthorizerType: "REQUEST",
      IdentitySource: ["route.request.header.Sec-WebSocket-Protocol"],
    });
  });

  it("runs every function on the newest runtime, on arm64, with JSON logs and no platform lines", () => {
    const functions = resources("AWS::Lambda::Function").filter(({ Properties }) =>
      JSON.stringify(Properties.Environment ?? {}).includes("POWERTOOLS_SERVICE_NAME"),
    );
    expect(functions).toHaveLength(15);
    for (const { Properties } of functions) {
      expect(Properties).toMatchObject({
        Runtime: "nodejs24.x",
        Architectures: ["arm64"],
        LoggingConfig: { LogFormat: "JSON", SystemLogLevel: "WARN", LogGroup: expect.anything() },
      });
    }
    for (const { Properties } of resources("AWS::Logs::LogGroup")) {
      expect(Properties).toMatchObject({ RetentionInDays: 30 });
    }
  });

  it("throttles below the quota of every region, and logs no messages by default", () => {
    template.hasResourceProperties("AWS::ApiGatewayV2::Stage", {
      DefaultRouteSettings: { ThrottlingRateLimit: 2000, ThrottlingBurstLimit: 1000 },
      AccessLogSettings: Match.absent(),
    });
  });

  it("serves the dashboard over HTTPS from a private bucket that only CloudFront can read", () => {
    template.hasResourceProperties("AWS::S3::Bucket", {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
    template.hasResourceProperties("AWS::CloudFront::OriginAccessControl", {
      OriginAccessControlConfig: Match.objectLike({
        SigningBehavior: "always",
        OriginAccessControlOriginType: "s3",
      }),
    });
    const [distribution] = resources("AWS::CloudFront::Distribution");
    const config = distribution?.Properties.DistributionConfig as {
      DefaultCacheBehavior: object;
      CacheBehaviors: object[];
    };
    for (const behavior of [config.DefaultCacheBehavior, ...config.CacheBehaviors]) {
      expect(behavior).toMatchObject({
        ViewerProtocolPolicy: "redirect-to-https",
        ResponseHeadersPolicyId: expect.anything(),
      });
    }
    template.hasOutput("DashboardUrl", {});
  });

  it("lets the dashboard run only its own scripts, and connect only to this deployment", () => {
    const [headers = {}] = resources("AWS::CloudFront::ResponseHeadersPolicy").map(
      ({ Properties }) =>
        (Properties.ResponseHeadersPolicyConfig as Record<string, unknown>)
          .SecurityHeadersConfig as Record<string, Record<string, unknown>>,
    );
    const parts = headers.ContentSecurityPolicy?.ContentSecurityPolicy as {
      "Fn::Join": [string, (string | { Ref: string })[]];
    };
    const text = parts["Fn::Join"][1]
      .map((part) =>
        typeof part === "string" ? part : `<${part.Ref.replace(/[0-9A-F]{8}$/, "")}>`,
      )
      .join("");
    expect(text.split("; ")).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      "font-src 'self' data:",
      "connect-src wss://<PresenceGatewayApi>.execute-api.<AWS::Region>.<AWS::URLSuffix>",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ]);
    expect(Object.keys(headers)).toEqual(
      expect.arrayContaining([
        "ContentTypeOptions",
        "FrameOptions",
        "ReferrerPolicy",
        "StrictTransportSecurity",
      ]),
    );
  });

  it("allows the upload to write to the dashboard's bucket, and nothing else", () => {
    const [uploads] = Object.values(
      template.findResources("AWS::IAM::Policy", {
        Properties: { PolicyName: Match.stringLikeRegexp("UploadRole") },
      }),
    );
    const statements = uploads?.Properties.PolicyDocument.Statement as Statement[];
    expect(statements.flatMap(({ Action }) => Action).sort()).toEqual([
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      "s3:DeleteObject",
      "s3:ListBucket",
      "s3:PutObject",
    ]);
  });

  it("sweeps every five minutes", () => {
    template.hasResourceProperties("AWS::Events::Rule", {
      ScheduleExpression: "rate(5 minutes)",
      Targets: [Match.objectLike({ Arn: { "Fn::GetAtt": [functionNamed("sweep").id, "Arn"] } })],
    });
  });

  it("passes changes of status to transitions, with partial retries and a queue for failures", () => {
    template.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
      FunctionName: { Ref: functionNamed("transitions").id },
      StartingPosition: "TRIM_HORIZON",
      BisectBatchOnFunctionError: true,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      DestinationConfig: { OnFailure: { Destination: Match.anyValue() } },
    });
  });

  it("has an alarm for each heading of the runbook, and a heading for each alarm", () => {
    const alarms = resources("AWS::CloudWatch::Alarm").map(
      ({ Properties }) => /operations\.md#(\w+)$/.exec(String(Properties.AlarmDescription))?.[1],
    );
    const runbook = readFileSync(join(__dirname, "../../docs/operations.md"), "utf8");
    const chapter = /## Alarms\n([\s\S]*?)\n## /.exec(runbook)?.[1] ?? "";
    const headings = [...chapter.matchAll(/^### (\w+)$/gm)].map(([, name = ""]) =>
      name.toLowerCase(),
    );
    expect(alarms.sort()).toEqual(headings.sort());
  });

  it("has outputs with its addresses and names", () => {
    for (const output of ["WebSocketUrl", "StatusTableName", "RegistryTableName", "EventBusName"]) {
      template.hasOutput(output, { Value: Match.anyValue() });
    }
  });
});

describe("self-preservation of the sweep", () => {
  const sweepOf = (props: AgentHeartbeatProps) => {
    const template = Template.fromStack(stackOf(props));
    const [sweep] = Object.values(
      template.findResources("AWS::Lambda::Function", {
        Properties: { Environment: { Variables: { POWERTOOLS_SERVICE_NAME: "sweep" } } },
      }),
    );
    const alarms = template.findResources("AWS::CloudWatch::Alarm", {
      Properties: { AlarmDescription: Match.stringLikeRegexp("massexpirysuspected") },
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
      AlarmDescription: Match.stringLikeRegexp("sweepmissing"),
      Period: 180,
    });
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
    expect(traced).toHaveLength(15);
    for (const { Properties } of traced)
      expect(Properties.TracingConfig).toEqual({ Mode: "Active" });
    const [format] = Object.values(template.findResources("AWS::ApiGatewayV2::Stage")).map(
      ({ Properties }) => String(Properties.AccessLogSettings.Format),
    );
    // The token is in a header; a message's content and what the authorizer said of the agent are not there either.
    expect(format).not.toMatch(/header|protocol"|body|authorizer|querystring/i);
    variables({ POWERTOOLS_SERVICE_NAME: "heartbeat", RETENTION_MS: String(30 * 86_400_000) });
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
    [{ retention: Duration.minutes(1) }, "retention: expected 1 hour to 365 days, got 1 minute"],
  ])("outside their limits are refused: %j", (props, message) => {
    expect(() => stackOf(props)).toThrow(message);
  });
});
