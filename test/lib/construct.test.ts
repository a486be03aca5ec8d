/** The construct in other apps: existing resources, several constructs in one app, and metrics. */

import { beforeAll, describe, expect, it, jest } from "@jest/globals";
import { App, Lazy, type Stack, Tags } from "aws-cdk-lib";
import { Annotations, Match, Template } from "aws-cdk-lib/assertions";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import type { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { AttributeType, type ITable, StreamViewType, Table } from "aws-cdk-lib/aws-dynamodb";
import { EventBus } from "aws-cdk-lib/aws-events";
import { type IKey, Key } from "aws-cdk-lib/aws-kms";
import { HostedZone } from "aws-cdk-lib/aws-route53";
import type { AgentHeartbeat } from "../../lib/agent-heartbeat";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";
import type { AgentHeartbeatProps } from "../../lib/props";
import { ROUTES } from "../../lib/throttling-props";
import { appProps } from "../../testing/cdk-context";
import { emptyStack, presenceIn, statementsOf } from "../../testing/stacks";

const CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/1";
const TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table";
const KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555";

const { STRING } = AttributeType;

describe("a custom domain", () => {
  const domain = (stack: Stack, arn = CERTIFICATE) => ({
    domainName: "agents.example.com",
    certificate: Certificate.fromCertificateArn(stack, "Certificate", arn),
  });

  it("is the URL that agents connect to and sign for, while functions post to the API's own address", () => {
    const stack = emptyStack();
    const presence = presenceIn(stack, { customDomain: domain(stack) });
    expect(presence.webSocketUrl).toBe("wss://agents.example.com");
    const template = Template.fromStack(stack);
    template.hasResourceProperties("AWS::ApiGatewayV2::ApiMapping", {
      DomainName: { Ref: Match.stringLikeRegexp("^PresenceGatewayDomain") },
      Stage: "prod",
      ApiMappingKey: Match.absent(),
    });
    template.hasResourceProperties("AWS::Lambda::Function", {
      Environment: {
        Variables: {
          POWERTOOLS_SERVICE_NAME: "authorize",
          CUSTOM_DOMAIN_URL: "wss://agents.example.com",
        },
      },
    });
    const callbacks = Object.values(template.findResources("AWS::Lambda::Function")).flatMap(
      ({ Properties }) => Properties.Environment?.Variables.CALLBACK_URL ?? [],
    );
    expect(callbacks.length).toBeGreaterThan(3);
    for (const callback of callbacks) {
      expect(JSON.stringify(callback)).toMatch(/execute-api.*\/prod/);
    }
    template.resourceCountIs("AWS::Route53::RecordSet", 0);
  });

  it("gets a DNS record if a hosted zone is given, and otherwise an output with the record's target", () => {
    const stack = emptyStack();
    const zone = HostedZone.fromHostedZoneAttributes(stack, "Zone", {
      hostedZoneId: "Z1",
      zoneName: "example.com",
    });
    presenceIn(stack, { customDomain: { ...domain(stack), hostedZone: zone } });
    Template.fromStack(stack).hasResourceProperties("AWS::Route53::RecordSet", {
      Name: "agents.example.com.",
      Type: "A",
      AliasTarget: Match.objectLike({ HostedZoneId: Match.anyValue() }),
    });
    const app = new App(appProps());
    const whole = new AgentHeartbeatStack(app, "Whole", { customDomain: domain(emptyStack()) });
    const template = Template.fromStack(whole);
    template.hasOutput("CustomDomainTarget", {});
    template.hasOutput("WebSocketUrl", { Value: "wss://agents.example.com" });
    template.hasResourceProperties("AWS::CloudFront::ResponseHeadersPolicy", {
      ResponseHeadersPolicyConfig: {
        SecurityHeadersConfig: {
          ContentSecurityPolicy: {
            ContentSecurityPolicy: Match.stringLikeRegexp(
              "connect-src wss://agents\\.example\\.com;",
            ),
          },
        },
      },
    });
  });

  it("is refused if it is not a host name, or its certificate is in another region", () => {
    const stack = emptyStack();
    const wrong = { ...domain(stack), domainName: "wss://agents.example.com/prod" };
    expect(() => presenceIn(stack, { customDomain: wrong })).toThrow(
      "customDomain.domainName: expected a host name in lower case such as agents.example.com, got wss://agents.example.com/prod",
    );
    const other = emptyStack();
    const elsewhere = domain(other, CERTIFICATE.replace("eu-west-1", "us-east-1"));
    expect(() => presenceIn(other, { customDomain: elsewhere })).toThrow(
      "customDomain.certificate: expected a certificate in the region eu-west-1, got arn:aws:acm:us-east-1",
    );
  });
});

describe("the dashboard's domain", () => {
  const domain = (stack: Stack, region = "us-east-1") => ({
    domainName: "fleet.example.com",
    certificate: Certificate.fromCertificateArn(
      stack,
      "PageCertificate",
      CERTIFICATE.replace("eu-west-1", region),
    ),
  });

  it("serves the page with TLS 1.2, with DNS records if a hosted zone is given", () => {
    const stack = emptyStack();
    const hostedZone = HostedZone.fromHostedZoneAttributes(stack, "Zone", {
      hostedZoneId: "Z1",
      zoneName: "example.com",
    });
    const dashboardDomain = { ...domain(stack), hostedZone };
    const presence = presenceIn(stack, { dashboard: true, dashboardDomain });
    expect(presence.dashboardUrl).toBe("https://fleet.example.com/");
    const template = Template.fromStack(stack);
    template.hasResourceProperties("AWS::CloudFront::Distribution", {
      DistributionConfig: {
        Aliases: ["fleet.example.com"],
        ViewerCertificate: {
          AcmCertificateArn: CERTIFICATE.replace("eu-west-1", "us-east-1"),
          MinimumProtocolVersion: "TLSv1.2_2021",
        },
      },
    });
    for (const Type of ["A", "AAAA"]) {
      template.hasResourceProperties("AWS::Route53::RecordSet", {
        Name: "fleet.example.com.",
        Type,
      });
    }
  });

  it("has an output with the records' target without a hosted zone", () => {
    const app = new App(appProps());
    const dashboardDomain = domain(emptyStack());
    const template = Template.fromStack(new AgentHeartbeatStack(app, "Whole", { dashboardDomain }));
    template.hasOutput("DashboardUrl", { Value: "https://fleet.example.com/" });
    template.hasOutput("DashboardDomainTarget", {});
    template.resourceCountIs("AWS::Route53::RecordSet", 0);
  });

  it("is refused without a dashboard, or if its certificate is not in us-east-1", () => {
    const stack = emptyStack();
    const elsewhere = domain(stack, "eu-west-1");
    expect(() => presenceIn(stack, { dashboard: true, dashboardDomain: elsewhere })).toThrow(
      "dashboardDomain.certificate: expected a certificate in the region us-east-1, got arn:aws:acm:eu-west-1",
    );
    const other = emptyStack();
    expect(() => presenceIn(other, { dashboardDomain: domain(other) })).toThrow(
      "dashboardDomain: expected none, because `dashboard` is false",
    );
  });
});

describe("an existing event bus", () => {
  it("receives transitions, and delivers messages", () => {
    const stack = emptyStack();
    const eventBus = EventBus.fromEventBusName(stack, "Bus", "company");
    const presence = presenceIn(stack, { eventBus });
    expect(presence.eventBus).toBe(eventBus);
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::Events::EventBus", 0);
    template.hasResourceProperties("AWS::Events::Rule", {
      EventBusName: "company",
      EventPattern: { "detail-type": ["Agent Message"] },
    });
    const [put] = statementsOf(template, "PresenceTransitionsTransitionsRole").filter(
      ({ Action }) => [Action].flat().includes("events:PutEvents"),
    );
    expect(JSON.stringify(put?.Resource)).toContain("event-bus/company");
  });
});

describe("existing tables", () => {
  const imported = (stack: Stack, name: string, streamed = false): ITable =>
    Table.fromTableAttributes(stack, name, {
      tableArn: `${TABLE}/${name}`,
      ...(streamed && { tableStreamArn: `${TABLE}/${name}/stream/2026-01-01T00:00:00.000` }),
    });

  it("replace new ones, with the stream of the status table", () => {
    const stack = emptyStack();
    presenceIn(stack, {
      tables: {
        status: imported(stack, "status", true),
        registry: imported(stack, "registry"),
        subscriptions: imported(stack, "subscriptions"),
      },
    });
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::DynamoDB::Table", 0);
    template.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
      EventSourceArn: `${TABLE}/status/stream/2026-01-01T00:00:00.000`,
    });
    const [write] = statementsOf(template, "PresenceGatewayHeartbeatRole").filter(({ Action }) =>
      [Action].flat().includes("dynamodb:UpdateItem"),
    );
    expect(JSON.stringify(write?.Resource)).toContain(`${TABLE}/status`);
    const find = statementsOf(template, "PresenceGatewayDisconnectRole").find(
      ({ Action }) => Action === "dynamodb:Query",
    );
    expect(JSON.stringify(find?.Resource)).toContain("subscriptions/index/byConnection");
  });

  it.each<[string, (stack: Stack) => AgentHeartbeatProps["tables"], string]>([
    [
      "without a stream",
      (stack) => ({ status: imported(stack, "status") }),
      "tables.status: expected a table with a stream, got one without tableStreamArn: import it with Table.fromTableAttributes",
    ],
    [
      "with a stream of half the images",
      (stack) => ({ status: made(stack, "agentId", StreamViewType.NEW_IMAGE) }),
      "tables.status: expected a stream of NEW_AND_OLD_IMAGES, got NEW_IMAGE",
    ],
    [
      "with another key",
      (stack) => ({ registry: made(stack, "id") }),
      "tables.registry: expected the sort key recordId, got id",
    ],
    [
      "without a TTL",
      (stack) => ({ registry: made(stack, "recordId", undefined, undefined) }),
      "tables.registry: expected a TTL on ttlEpochSeconds, got none",
    ],
    [
      "without its index",
      (stack) => ({
        subscriptions: new Table(stack, "Table", {
          partitionKey: { name: "address", type: STRING },
          sortKey: { name: "subscriber", type: STRING },
          timeToLiveAttribute: "ttlEpochSeconds",
        }) as ITable,
      }),
      "tables.subscriptions: expected an index byConnection, got none",
    ],
  ])("%s are refused", (_, tables, message) => {
    const stack = emptyStack();
    const given = tables(stack);
    expect(() => presenceIn(stack, { ...(given && { tables: given }) })).toThrow(message);
  });

  it("from another construct are accepted unchanged", () => {
    const stack = emptyStack();
    const first = presenceIn(stack, {}, "First");
    const tables = { status: first.statusTable, registry: first.registryTable };
    presenceIn(stack, { tables }, "Second");
    Template.fromStack(stack).resourceCountIs("AWS::DynamoDB::Table", 4);
  });

  function made(stack: Stack, sort: string, stream?: StreamViewType, ...ttl: [undefined?]): ITable {
    return new Table(stack, "Table", {
      partitionKey: { name: "organizationId", type: STRING },
      sortKey: { name: sort, type: STRING },
      ...(ttl.length === 0 && { timeToLiveAttribute: "ttlEpochSeconds" }),
      ...(stream && { stream }),
    }) as ITable;
  }
});

describe("a customer's key", () => {
  it("encrypts tables, logs and queues, and functions may use it through DynamoDB only", () => {
    const stack = emptyStack();
    const key = new Key(stack, "Key") as IKey;
    presenceIn(stack, { encryptionKey: key, accessLogs: true, dashboard: true });
    const template = Template.fromStack(stack);
    const arn = { "Fn::GetAtt": [Match.stringLikeRegexp("^Key"), "Arn"] };
    template.allResourcesProperties("AWS::DynamoDB::Table", {
      SSESpecification: { SSEEnabled: true, SSEType: "KMS", KMSMasterKeyId: arn },
    });
    template.allResourcesProperties("AWS::SQS::Queue", { KmsMasterKeyId: arn });
    template.allResourcesProperties("AWS::Logs::LogGroup", { KmsKeyId: arn });
    for (const role of ["Connect", "Heartbeat", "List", "Authorize"]) {
      const use = statementsOf(template, `PresenceGateway${role}Role`).find(({ Action }) =>
        [Action].flat().includes("kms:Decrypt"),
      );
      expect(JSON.stringify(use?.Condition)).toContain("dynamodb.eu-west-1.");
      expect(use?.Condition).toEqual({
        StringEquals: { "kms:ViaService": expect.anything() },
      });
    }
    const policy = JSON.stringify(template.findResources("AWS::KMS::Key"));
    expect(policy).toContain('"Service":"logs.eu-west-1.amazonaws.com"');
    expect(policy).toContain('"Service":"events.amazonaws.com"');
  });

  it("that is imported causes a warning, because only its owner can let AWS's services use it", () => {
    jest.spyOn(console, "error").mockReturnValueOnce();
    const stack = emptyStack();
    presenceIn(stack, { encryptionKey: Key.fromKeyArn(stack, "Key", KEY) });
    Annotations.fromStack(stack).hasWarning(
      "/Test/Presence",
      Match.stringLikeRegexp("policy of an imported key"),
    );
  });
});

describe("reserved concurrency", () => {
  const reservedIn = (props: AgentHeartbeatProps) => {
    const stack = emptyStack();
    presenceIn(stack, props);
    const functions = Template.fromStack(stack).findResources("AWS::Lambda::Function");
    return Object.fromEntries(
      Object.values(functions)
        .filter(({ Properties }) => Properties.ReservedConcurrentExecutions !== undefined)
        .map(({ Properties }) => [
          Properties.Environment.Variables.POWERTOOLS_SERVICE_NAME,
          Properties.ReservedConcurrentExecutions,
        ]),
    );
  };

  it("is none by default, so that an account with little concurrency can deploy", () => {
    expect(reservedIn({})).toEqual({});
  });

  it("is set for the functions that are named", () => {
    const gateway = { heartbeat: 100, authorize: 20, connect: 30, disconnect: 40 };
    const reservedConcurrency = { ...gateway, transitions: 10, sweep: 1 };
    expect(reservedIn({ reservedConcurrency })).toEqual(reservedConcurrency);
    expect(reservedIn({ reservedConcurrency: { heartbeat: 7 } })).toEqual({ heartbeat: 7 });
  });

  it.each<[object, string]>([
    [
      { heartbeat: 0 },
      "reservedConcurrency.heartbeat: expected a whole number from 1 to 1000000, got 0",
    ],
    [
      { list: 5 },
      "reservedConcurrency: expected heartbeat, authorize, connect, disconnect, http, transitions, sweep, got list",
    ],
  ])("of %j is refused", (reservedConcurrency, message) => {
    expect(() => presenceIn(emptyStack(), { reservedConcurrency })).toThrow(message);
  });
});

describe("throttling", () => {
  it("gives every route its own share of the gateway's limits, and together less than an account's concurrency", () => {
    const stack = emptyStack();
    presenceIn(stack);
    const [stage] = Object.values(
      Template.fromStack(stack).findResources("AWS::ApiGatewayV2::Stage"),
    );
    const { RouteSettings } = stage?.Properties ?? {};
    expect(Object.keys(RouteSettings)).toEqual([...ROUTES]);
    const bursts = ROUTES.map((route) => RouteSettings[route].ThrottlingBurstLimit);
    expect(bursts.reduce((sum, burst) => sum + burst, 0)).toBeLessThan(1000);
    for (const route of ["heartbeat", "heartbeat_quiet", "$connect"]) {
      expect(RouteSettings[route].ThrottlingRateLimit).toBe(2000);
    }
  });

  it("of a route keeps the shares of the others, and takes shares of other limits", () => {
    const stack = emptyStack();
    const routes = { list: { rateLimit: 1, burstLimit: 2 } };
    presenceIn(stack, { throttling: { rateLimit: 100, burstLimit: 10, routes } });
    Template.fromStack(stack).hasResourceProperties("AWS::ApiGatewayV2::Stage", {
      RouteSettings: {
        list: { ThrottlingRateLimit: 1, ThrottlingBurstLimit: 2 },
        publish: { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 1 },
        history: { ThrottlingRateLimit: 5, ThrottlingBurstLimit: 1 },
      },
    });
  });

  it("that is known only when deploying applies to each route", () => {
    const stack = emptyStack();
    const rateLimit = Lazy.number({ produce: () => 100 });
    presenceIn(stack, { throttling: { rateLimit, burstLimit: 10 } });
    Template.fromStack(stack).hasResourceProperties("AWS::ApiGatewayV2::Stage", {
      DefaultRouteSettings: { ThrottlingRateLimit: 100 },
      RouteSettings: Match.absent(),
    });
  });

  it("of single routes is set after the routes exist", () => {
    const stack = emptyStack();
    const routes = { publish: { rateLimit: 50, burstLimit: 20 } };
    presenceIn(stack, { throttling: { rateLimit: 1000, burstLimit: 500, routes } });
    const template = Template.fromStack(stack);
    const [stage] = Object.values(template.findResources("AWS::ApiGatewayV2::Stage"));
    expect(stage?.Properties).toMatchObject({
      DefaultRouteSettings: { ThrottlingRateLimit: 1000, ThrottlingBurstLimit: 500 },
      RouteSettings: { publish: { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 20 } },
    });
    const deployments = template.findResources("AWS::ApiGatewayV2::Deployment");
    const deployment = deployments[stage?.Properties.DeploymentId.Ref];
    expect(deployment?.DependsOn).toContainEqual(expect.stringMatching(/publishRoute/));
  });

  it.each<[object, string]>([
    [
      { publish: { rateLimit: 2000, burstLimit: 1 } },
      "throttling.routes.publish.rateLimit: expected a whole number from 1 to 1000, got 2000",
    ],
    [
      { heartbeats: { rateLimit: 1, burstLimit: 1 } },
      "throttling.routes: expected $connect, heartbeat, heartbeat_quiet, profile, subscribe, unsubscribe, publish, list, history, $default, got heartbeats",
    ],
  ])("of %j is refused", (routes, message) => {
    const throttling = { rateLimit: 1000, burstLimit: 500, routes };
    expect(() => presenceIn(emptyStack(), { throttling })).toThrow(message);
  });
});

describe("the CloudWatch dashboard", () => {
  const bodyOf = (props: AgentHeartbeatProps) => {
    const stack = emptyStack();
    presenceIn(stack, { cloudWatchDashboard: true, ...props });
    const [dashboard] = Object.values(
      Template.fromStack(stack).findResources("AWS::CloudWatch::Dashboard"),
    );
    const body = dashboard?.Properties.DashboardBody as { "Fn::Join": [string, unknown[]] };
    const text = body["Fn::Join"][1]
      .map((part) => (typeof part === "string" ? part : "X"))
      .join("");
    const { widgets } = JSON.parse(text) as {
      widgets: { properties: { title: string; metrics: unknown[][] } }[];
    };
    return new Map(
      widgets.map(({ properties: { title, metrics } }) => [title, JSON.stringify(metrics)]),
    );
  };

  let shown: Map<string, string>;
  beforeAll(() => {
    shown = bodyOf({});
  });

  it.each<[string, string[]]>([
    ["Agents online", ["AgentsOnline", "HeartbeatsOverdue"]],
    ["Transitions", ["Transitions", "Test/Presence"]],
    ["Heartbeats and connects", ["Invocations", "ConnectCount"]],
    ["Failures", ["RouteFailures", "Errors", "ExecutionError"]],
    ["Throttles", ["Throttles", "WriteThrottleEvents", "ReadThrottleEvents"]],
    ["Logins refused", ["LoginsRefused", "ClientError"]],
    ["Duration (ms, p99)", ["Duration", "p99", "authorize", "transitions"]],
    ["Sweep", ["LeasesExpired", "SweepsUnfinished"]],
    ["Events", ["IteratorAge", "ApproximateNumberOfMessagesVisible"]],
    ["Write units", ["ConsumedWriteCapacityUnits", "AgentStatus", "AgentRegistry"]],
    ["Read units", ["ConsumedReadCapacityUnits"]],
  ])("shows the metrics of %s", (title, parts) => {
    for (const part of parts) expect(shown.get(title)).toContain(part);
  });
});

describe("several constructs in one stack", () => {
  let first: AgentHeartbeat | undefined;
  let second: AgentHeartbeat | undefined;
  let template: Template;
  beforeAll(() => {
    const stack = emptyStack();
    [first, second] = ["First", "Second"].map((id) =>
      presenceIn(stack, { alarms: true, cloudWatchDashboard: true, dashboard: true }, id),
    );
    Tags.of(first as never).add("team", "search");
    template = Template.fromStack(stack);
  });

  it("use no name that must be unique in an account", () => {
    const { Resources, Outputs = {} } = template.toJSON() as {
      Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
      Outputs?: Record<string, { Export?: unknown }>;
    };
    const names = Object.entries(Resources).flatMap(([id, { Type, Properties = {} }]) =>
      Object.keys(Properties)
        .filter((property) =>
          /^(TableName|QueueName|FunctionName|LogGroupName|RoleName|BucketName|AlarmName|DashboardName)$/.test(
            property,
          ),
        )
        .filter((property) => typeof Properties[property] === "string")
        .map((property) => `${Type} ${id} ${property}`),
    );
    expect(names).toEqual([]);
    expect(Object.values(Outputs).filter(({ Export }) => Export !== undefined)).toEqual([]);
    // The only required name contains the construct's path.
    const buses = Object.values(template.findResources("AWS::Events::EventBus"));
    expect(new Set(buses.map(({ Properties }) => Properties.Name)).size).toBe(2);
  });

  it("publish separate metrics", () => {
    const dimensions = (presence: typeof first) =>
      [presence?.metricLeasesExpired(), presence?.metricTransitions("connected")].map(
        (metric) => (metric as Metric).dimensions?.deployment,
      );
    expect(dimensions(first)).toEqual(["Test/First", "Test/First"]);
    expect(dimensions(second)).toEqual(["Test/Second", "Test/Second"]);
    const deployments = Object.values(template.findResources("AWS::Lambda::Function")).flatMap(
      ({ Properties }) => Properties.Environment?.Variables.DEPLOYMENT ?? [],
    );
    expect([...new Set(deployments)].sort()).toEqual(["Test/First", "Test/Second"]);
  });

  it("can be tagged separately", () => {
    const tables = Object.entries(template.findResources("AWS::DynamoDB::Table"));
    const tagged = tables.filter(([, { Properties }]) => Properties.Tags !== undefined);
    expect(tables).toHaveLength(6);
    expect(tagged).toHaveLength(3);
    expect(tagged.every(([id]) => id.startsWith("First"))).toBe(true);
  });

  it("can be shown in one graph", () => {
    const ids = [first, second].flatMap((presence) => {
      const { metricStat, mathExpression } =
        presence?.metricHeartbeatErrors().toMetricConfig() ?? {};
      expect(metricStat).toBeUndefined();
      return Object.keys(mathExpression?.usingMetrics ?? {});
    });
    expect(new Set(ids).size).toBe(4);
  });
});
