/** The template with default props: cost, permissions, protection of data, and connections between the parts. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { App } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { sectionsOf } from "../../cli/src/runbook/page";
import { ALL_ROUTES, METRICS_NAMESPACE } from "../../core/names";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";
import { MESSAGE_ROUTES } from "../../lib/gateway-functions";
import { appProps } from "../../testing/cdk-context";

type Resource = { Type: string; Properties: Record<string, unknown>; DeletionPolicy?: string };
type Statement = { Action: string | string[]; Resource: unknown; Effect: string };

/** Every route may notify and close connections that flood or have lost their agent's row. */
const CLOSE = [
  "execute-api:ManageConnections @connections DELETE",
  "execute-api:ManageConnections @connections POST",
];
/** The sender of a message is checked against its row. */
const GUARD = "dynamodb:GetItem AgentStatus";

const DELIVERY = [
  "dynamodb:BatchWriteItem Subscriptions",
  "dynamodb:GetItem AgentStatus",
  "dynamodb:Query Subscriptions",
  "dynamodb:Query Subscriptions byConnection",
  "execute-api:ManageConnections @connections POST",
];

/** Messages of an agent are counted. */
const COUNT = "dynamodb:UpdateItem Subscriptions";

/** The alarms with their severities, as their descriptions name them. */
function alarmsOf(template: Template): string[] {
  const command = /Severity: (\w+)\. Runbook: agent-heartbeat runbook (\w+) --stack (\S+)$/;
  return Object.values(template.findResources("AWS::CloudWatch::Alarm"))
    .map(({ Properties }) => {
      const [, severity, alarm] = command.exec(String(Properties.AlarmDescription)) ?? [];
      return `${alarm} ${severity}`;
    })
    .sort();
}

describe("the template", () => {
  let template: Template;
  beforeAll(() => {
    template = Template.fromStack(new AgentHeartbeatStack(new App(appProps()), "Test"));
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
      /(AgentStatus|AgentRegistry|Subscriptions|Events(?!Undelivered)|Undelivered|@connections)/.exec(
        text,
      ) ?? [];
    const [, method] = /(GET|POST|DELETE)\/@connections\/\*/.exec(text) ?? [];
    const [, index] = /\/index\/(by\w+)/.exec(text) ?? [];
    return [part ?? text, method, index].filter(Boolean).join(" ");
  }

  it.each([
    [
      "authorize",
      [
        "dynamodb:GetItem AgentRegistry",
        "dynamodb:GetItem AgentStatus",
        "dynamodb:PutItem AgentRegistry",
        "dynamodb:Query AgentRegistry",
        "dynamodb:UpdateItem AgentRegistry",
      ],
    ],
    [
      "connect",
      [
        "dynamodb:BatchWriteItem Subscriptions",
        "dynamodb:GetItem AgentRegistry",
        "dynamodb:GetItem AgentStatus",
        "dynamodb:PutItem Subscriptions",
        "dynamodb:UpdateItem AgentStatus",
      ],
    ],
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
        "dynamodb:Query Subscriptions byConnection",
        "dynamodb:UpdateItem AgentStatus",
      ],
    ],
    ["history", [GUARD, "dynamodb:Query AgentRegistry", COUNT, ...CLOSE]],
    [
      "profile",
      [
        "dynamodb:BatchWriteItem Subscriptions",
        GUARD,
        "dynamodb:UpdateItem AgentRegistry",
        COUNT,
        ...CLOSE,
      ],
    ],
    [
      "subscribe",
      [
        "dynamodb:DeleteItem Subscriptions",
        GUARD,
        "dynamodb:PutItem Subscriptions",
        "dynamodb:Query Subscriptions byOwner",
        COUNT,
        ...CLOSE,
      ],
    ],
    ["unsubscribe", ["dynamodb:DeleteItem Subscriptions", COUNT, ...CLOSE]],
    [
      "publish",
      [
        ...DELIVERY,
        "dynamodb:DeleteItem Subscriptions",
        "dynamodb:PutItem Subscriptions",
        COUNT,
        "execute-api:ManageConnections @connections DELETE",
      ].sort(),
    ],
    [
      "deliver",
      [
        ...DELIVERY,
        "sqs:GetQueueAttributes Undelivered",
        "sqs:GetQueueUrl Undelivered",
        "sqs:SendMessage Undelivered",
      ],
    ],
    [
      "list",
      [
        "dynamodb:BatchGetItem AgentRegistry",
        "dynamodb:GetItem AgentRegistry",
        GUARD,
        "dynamodb:Query AgentStatus",
        COUNT,
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
        "dynamodb:DeleteItem Subscriptions",
        "dynamodb:DescribeStream AgentStatus",
        "dynamodb:GetItem AgentStatus",
        "dynamodb:GetRecords AgentStatus",
        "dynamodb:GetShardIterator AgentStatus",
        "dynamodb:ListStreams AgentStatus",
        "dynamodb:PutItem AgentRegistry",
        "dynamodb:Query Subscriptions",
        "dynamodb:Query Subscriptions byConnection",
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
    // A stage and a bus require a name. Changing it would replace them.
    template.hasResourceProperties("AWS::ApiGatewayV2::Api", { ProtocolType: "WEBSOCKET" });
    template.hasResourceProperties("AWS::ApiGatewayV2::Stage", { StageName: "prod" });
    template.hasResourceProperties("AWS::Events::EventBus", {
      Name: "TestPresenceEvents50954F82",
    });
  });

  it("lets Lambda retry what no later run makes good, and keeps what fails for good", () => {
    const configs = Object.fromEntries(
      resources("AWS::Lambda::EventInvokeConfig").map(({ Properties }) => [
        (Properties.FunctionName as { Ref: string }).Ref.replace(/[A-F0-9]{8}$/, ""),
        Properties,
      ]),
    );
    const queue = { "Fn::GetAtt": [expect.stringContaining("MessageEventsUndelivered"), "Arn"] };
    expect(configs).toEqual({
      PresenceSweep: expect.objectContaining({
        MaximumRetryAttempts: 0,
        MaximumEventAgeInSeconds: 60,
      }),
      PresenceMessageEventsDeliver: expect.objectContaining({
        MaximumRetryAttempts: 2,
        DestinationConfig: { OnFailure: { Destination: queue } },
      }),
    });
  });

  it("ends every function behind the gateway before the gateway stops waiting", () => {
    const functions = template.findResources("AWS::Lambda::Function");
    const integrations = resources("AWS::ApiGatewayV2::Integration").map(({ Properties }) =>
      JSON.stringify(Properties.IntegrationUri),
    );
    const behind = Object.entries(functions).filter(([id]) =>
      integrations.some((uri) => uri.includes(id)),
    );
    expect(behind.length).toBeGreaterThan(8);
    for (const [, { Properties }] of behind) expect(Properties.Timeout).toBeLessThan(29);
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

  it("keeps subscriptions in a table with a TTL and indexes by connection and by owner", () => {
    template.hasResource("AWS::DynamoDB::Table", {
      DeletionPolicy: "Delete",
      Properties: {
        KeySchema: [
          { AttributeName: "address", KeyType: "HASH" },
          { AttributeName: "subscriber", KeyType: "RANGE" },
        ],
        TimeToLiveSpecification: { AttributeName: "ttlEpochSeconds", Enabled: true },
        GlobalSecondaryIndexes: [
          ["byConnection", "connectionId"],
          ["byOwner", "owner"],
        ].map(([IndexName, AttributeName]) =>
          Match.objectLike({
            IndexName,
            KeySchema: [{ AttributeName, KeyType: "HASH" }],
            Projection: { ProjectionType: "KEYS_ONLY" },
          }),
        ),
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
    expect(functions).toHaveLength(16);
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
    const runbook = readFileSync(join(__dirname, "../../docs/runbook.md"), "utf8");
    const sections = sectionsOf(runbook).map(({ alarm, severity }) => `${alarm} ${severity}`);
    const stack = new AgentHeartbeatStack(new App(appProps()), "Test", { alarms: true });
    expect(alarmsOf(Template.fromStack(stack))).toEqual(sections.sort());
  });

  it("has by default the alarms that the documents call essential", () => {
    const page = readFileSync(join(__dirname, "../../docs/operations.md"), "utf8");
    const sentence = /essential alarms: ([\s\S]*?)\. /.exec(page)?.[1] ?? "";
    const essential = sentence.match(/\b[A-Z]\w+/g) ?? [];
    expect(alarmsOf(template).map((alarm) => alarm.split(" ")[0])).toEqual(essential.sort());
  });

  it("has no alarm on a metric whose absence would look like a fault, but for sweeps", () => {
    for (const { Properties } of resources("AWS::CloudWatch::Alarm")) {
      const isSweepMissing = String(Properties.AlarmDescription).includes(" SweepMissing ");
      expect(Properties.TreatMissingData).toBe(isSweepMissing ? "breaching" : "notBreaching");
    }
  });

  it("raises the alarm on failures of any route by one metric, which all of them publish", () => {
    const failures = {
      MetricName: "RouteFailures",
      Dimensions: [
        { Name: "deployment", Value: "Test/Presence" },
        { Name: "service", Value: ALL_ROUTES },
      ],
    };
    template.hasResourceProperties("AWS::CloudWatch::Alarm", {
      Metrics: [
        Match.objectLike({ Expression: "SUM([FILL(m0, 0)])" }),
        Match.objectLike({ MetricStat: Match.objectLike({ Metric: Match.objectLike(failures) }) }),
      ],
    });
    const entries = MESSAGE_ROUTES.map(({ name }) =>
      readFileSync(join(__dirname, `../../lambda/${name}/entry.ts`), "utf8"),
    );
    for (const entry of entries) expect(entry).toContain("metrics: routeMetrics()");
  });

  it("fills the gaps of its own metrics where an alarm looks at several periods", () => {
    type Metrics = { Expression?: string; MetricStat?: { Metric: { Namespace: string } } }[];
    const gaps = resources("AWS::CloudWatch::Alarm").filter(({ Properties }) => {
      const {
        EvaluationPeriods,
        Metrics = [],
        Namespace,
      } = Properties as {
        EvaluationPeriods: number;
        Metrics?: Metrics;
        Namespace?: string;
      };
      const namespaces = [Namespace, ...Metrics.map((one) => one.MetricStat?.Metric.Namespace)];
      if (EvaluationPeriods === 1 || !namespaces.includes(METRICS_NAMESPACE)) return false;
      return !Metrics.some(({ Expression }) => Expression?.includes("FILL"));
    });
    expect(gaps).toEqual([]);
  });

  it("has no dashboard in CloudWatch by default", () => {
    template.resourceCountIs("AWS::CloudWatch::Dashboard", 0);
  });

  it("has outputs with its addresses and names", () => {
    for (const output of ["WebSocketUrl", "StatusTableName", "RegistryTableName", "EventBusName"]) {
      template.hasOutput(output, { Value: Match.anyValue() });
    }
  });
});
