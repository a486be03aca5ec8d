/**
 * The stacks that template checks use: with defaults, with all options, and with existing
 * resources.
 */

import { App, Duration, RemovalPolicy, type Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import { Table } from "aws-cdk-lib/aws-dynamodb";
import { EventBus } from "aws-cdk-lib/aws-events";
import { Key } from "aws-cdk-lib/aws-kms";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { HostedZone } from "aws-cdk-lib/aws-route53";
import { Topic } from "aws-cdk-lib/aws-sns";
import { AgentHeartbeatStack } from "../lib/agent-heartbeat-stack";
import type { AgentHeartbeatProps } from "../lib/props";
import { appProps } from "./cdk-context";
import { emptyStackIn } from "./stacks";

const KEY = "Key";

/** Existing resources that replace new ones. */
type Existing = "tables" | "eventBus";

/** All options. The compiler reports new options that are missing here. */
function everyOption(stack: Stack): Required<Omit<AgentHeartbeatProps, Existing>> {
  const hostedZone = HostedZone.fromHostedZoneAttributes(stack, "Zone", {
    hostedZoneId: "Z1",
    zoneName: "example.com",
  });
  const domain = (name: string, region: string) => ({
    domainName: `${name}.example.com`,
    certificate: Certificate.fromCertificateArn(
      stack,
      `Certificate-${name}`,
      `arn:aws:acm:${region}:123456789012:certificate/1`,
    ),
    hostedZone,
  });
  return {
    heartbeat: {
      defaultInterval: Duration.seconds(20),
      defaultTimeoutMultiplier: 2,
      minInterval: Duration.seconds(10),
      maxInterval: Duration.minutes(5),
    },
    sweepInterval: Duration.seconds(10),
    selfPreservation: { share: 0.3, minimum: 10, holdFor: Duration.minutes(10) },
    retention: Duration.days(30),
    logRetention: RetentionDays.ONE_YEAR,
    http: true,
    dashboard: true,
    throttling: {
      rateLimit: 1000,
      burstLimit: 500,
      routes: { publish: { rateLimit: 100, burstLimit: 50 } },
    },
    reservedConcurrency: { heartbeat: 100, authorize: 50, connect: 50, disconnect: 50 },
    reconnect: { connectsPerSecond: 250, maxWindow: Duration.minutes(30) },
    accessLogs: true,
    alarms: true,
    runbookUrl: "https://example.com/runbook",
    alarmTopic: new Topic(stack, "Alarms", { enforceSSL: true }),
    cloudWatchDashboard: true,
    statusTableCapacity: {
      minWriteUnits: 100,
      maxWriteUnits: 500,
      minReadUnits: 25,
      maxReadUnits: 100,
      targetUtilization: 0.8,
    },
    tracing: true,
    removalPolicy: RemovalPolicy.DESTROY,
    customDomain: domain("agents", "eu-west-1"),
    httpDomain: domain("http", "us-east-1"),
    dashboardDomain: domain("fleet", "us-east-1"),
    encryptionKey: stack.node.findChild(KEY) as Key,
  };
}

function onExisting(stack: Stack): Required<Pick<AgentHeartbeatProps, Existing>> {
  const imported = (name: string) =>
    Table.fromTableAttributes(stack, name, {
      tableArn: `arn:aws:dynamodb:eu-west-1:123456789012:table/${name}`,
      tableStreamArn: `arn:aws:dynamodb:eu-west-1:123456789012:table/${name}/stream/2026-01-01T00:00:00.000`,
    });
  return {
    eventBus: EventBus.fromEventBusName(stack, "Bus", "company"),
    tables: {
      status: imported("status"),
      registry: imported("registry"),
      subscriptions: imported("subscriptions"),
    },
  };
}

export const TEMPLATES = {
  default: (): AgentHeartbeatProps => ({}),
  all: everyOption,
  existing: onExisting,
} as const;

export type TemplateName = keyof typeof TEMPLATES;

/** The stack with these options, beside a stack with the resources that they refer to. */
export function stackIn(app: App, name: TemplateName): AgentHeartbeatStack {
  const surroundings = surroundingsIn(app);
  const env = { account: surroundings.account, region: surroundings.region };
  return new AgentHeartbeatStack(app, name, { env, ...TEMPLATES[name](surroundings) });
}

/** Never empty: a template needs at least one resource. */
function surroundingsIn(app: App): Stack {
  const present = app.node.tryFindChild("Surroundings");
  if (present) return present as Stack;
  const stack = emptyStackIn(app, "Surroundings");
  new Key(stack, KEY, { enableKeyRotation: true });
  return stack;
}

/** The template as CloudFormation gets it, without bundling. */
export const templateOf = (name: TemplateName): object =>
  Template.fromStack(stackIn(new App(appProps()), name)).toJSON();
