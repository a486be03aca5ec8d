/** The matrix of deployments: every way to deploy the construct that must work. */

import {
  App,
  Aspects,
  Duration,
  NestedStack,
  RemovalPolicy,
  Stack,
  Stage,
  Tags,
} from "aws-cdk-lib";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import { CfnTable, Table } from "aws-cdk-lib/aws-dynamodb";
import { EventBus, type IEventBus } from "aws-cdk-lib/aws-events";
import { ManagedPolicy, PermissionsBoundary, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { type IKey, Key } from "aws-cdk-lib/aws-kms";
import { HostedZone } from "aws-cdk-lib/aws-route53";
import { Bucket, type IBucket } from "aws-cdk-lib/aws-s3";
import { BucketDeployment, Source } from "aws-cdk-lib/aws-s3-deployment";
import {
  AwsCustomResource,
  AwsCustomResourcePolicy,
  PhysicalResourceId,
} from "aws-cdk-lib/custom-resources";
import type { IConstruct } from "constructs";
import { AgentHeartbeat } from "../lib/agent-heartbeat";
import { AgentHeartbeatStack } from "../lib/agent-heartbeat-stack";
import { appProps, NOTHING_BUNDLED } from "./cdk-context";

export const ACCOUNT = "123456789012";
export const BOUNDARY = `arn:aws:iam::${ACCOUNT}:policy/boundary`;

/** The region of stacks that name none. */
export const REGION = "eu-west-1";

const env = (region = REGION) => ({ account: ACCOUNT, region });

/** Apps that are deployed to one account. */
export type Deployment = () => App[];

const app = () => new App(appProps());

/** An app with the stacks that a function creates in it. */
const appOf = (fill: (app: App) => void): App => {
  const one = app();
  fill(one);
  return one;
};

/** An app without feature flags and with its own resources, some before the construct and some after it. */
export function hostApp({ withPresence = true } = {}): App {
  const host = new App(appProps(NOTHING_BUNDLED));
  const stack = new Stack(host, "Host", { env: env() });
  const bucket = new Bucket(stack, "Site") as IBucket;
  const role = new Role(stack, "SiteRole", {
    assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
  });
  const site = (id: string) =>
    new BucketDeployment(stack, id, {
      sources: [Source.data(`${id}.txt`, id)],
      destinationBucket: bucket,
      // A role that accepts no further grants.
      role: role.withoutPolicyUpdates(),
    });
  const call = (id: string) =>
    new AwsCustomResource(stack, id, {
      onUpdate: {
        service: "STS",
        action: "getCallerIdentity",
        physicalResourceId: PhysicalResourceId.of(id),
      },
      policy: AwsCustomResourcePolicy.fromSdkCalls({
        resources: AwsCustomResourcePolicy.ANY_RESOURCE,
      }),
    });
  site("Before");
  call("CallBefore");
  new Bucket(stack, "Emptied", { autoDeleteObjects: true, removalPolicy: RemovalPolicy.DESTROY });
  if (withPresence) new AgentHeartbeat(stack, "Presence");
  site("After");
  call("CallAfter");
  Tags.of(host).add("team", "search");
  PermissionsBoundary.of(host).apply(ManagedPolicy.fromManagedPolicyArn(stack, "Limit", BOUNDARY));
  Aspects.of(host).add({
    visit(node: IConstruct) {
      if (node instanceof CfnTable)
        node.addPropertyOverride("ContributorInsightsSpecification.Enabled", true);
    },
  });
  return host;
}

export const DEPLOYMENTS: Readonly<Record<string, Deployment>> = {
  "with defaults": () => [appOf((app) => new AgentHeartbeatStack(app, "AgentHeartbeat"))],
  "of one app to two regions": () => [
    appOf((app) => {
      for (const region of ["eu-west-1", "us-east-1"]) {
        new AgentHeartbeatStack(app, region, { stackName: "AgentHeartbeat", env: env(region) });
      }
    }),
  ],
  "of one app twice to a region, with different names": () =>
    ["blue", "green"].map((stackName) =>
      appOf((app) => new AgentHeartbeatStack(app, "AgentHeartbeat", { stackName })),
    ),
  "of two constructs in one stack": () => [
    appOf((app) => {
      const stack = new Stack(app, "Both");
      for (const id of ["Blue", "Green"]) new AgentHeartbeat(stack, id);
    }),
  ],
  "in two nested stacks": () => [
    appOf((app) => {
      const stack = new Stack(app, "Outer", { env: env() });
      for (const id of ["Blue", "Green"]) {
        const nested = new NestedStack(stack, id);
        new AgentHeartbeat(nested, "Presence");
      }
    }),
  ],
  "in pipeline stages": () => [
    appOf((app) => {
      for (const id of ["Beta", "Prod"]) {
        new AgentHeartbeatStack(new Stage(app, id, { env: env() }), "Presence");
      }
    }),
  ],
  "in an app with its own deployments, custom resources, aspects, boundary and tags": () => [
    hostApp(),
  ],
  "with existing tables, bus and key": () => [
    appOf((app) => {
      const stack = new Stack(app, "Existing", { env: env() });
      const table = (name: string) =>
        Table.fromTableAttributes(stack, name, {
          tableArn: `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${name}`,
          tableStreamArn: `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${name}/stream/1`,
          encryptionKey: key,
        });
      const key = new Key(stack, "Key", { enableKeyRotation: true }) as IKey;
      new AgentHeartbeat(stack, "Presence", {
        eventBus: EventBus.fromEventBusName(stack, "Bus", "company") as IEventBus,
        tables: {
          status: table("status"),
          registry: table("registry"),
          subscriptions: table("subscriptions"),
        },
        encryptionKey: key,
      });
    }),
  ],
  "with a key for its own tables": () => [
    appOf((app) => {
      const stack = new Stack(app, "Encrypted", { env: env() });
      const encryptionKey = new Key(stack, "Key", { enableKeyRotation: true }) as IKey;
      new AgentHeartbeat(stack, "Presence", {
        encryptionKey,
        statusTableCapacity: { minWriteUnits: 100 },
        accessLogs: true,
        tracing: true,
      });
    }),
  ],
  "with custom domains": () => [
    appOf((app) => {
      const stack = new Stack(app, "Domains", { env: env() });
      const hostedZone = HostedZone.fromHostedZoneAttributes(stack, "Zone", {
        hostedZoneId: "Z1",
        zoneName: "example.com",
      });
      const domain = (name: string, region: string) => ({
        domainName: `${name}.example.com`,
        hostedZone,
        certificate: Certificate.fromCertificateArn(
          stack,
          name,
          `arn:aws:acm:${region}:${ACCOUNT}:certificate/1`,
        ),
      });
      new AgentHeartbeat(stack, "Presence", {
        customDomain: domain("agents", REGION),
        httpDomain: domain("http", "us-east-1"),
        dashboardDomain: domain("fleet", "us-east-1"),
      });
    }),
  ],
  "without a dashboard, with a sweep every minute": () => [
    appOf(
      (app) =>
        new AgentHeartbeatStack(app, "Bare", {
          dashboard: false,
          sweepInterval: Duration.minutes(1),
        }),
    ),
  ],
};
