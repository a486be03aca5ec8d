/** Runs cdk-nag on the stack. Findings are either fixed, or accepted here with a reason. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks, ServerlessChecks } from "cdk-nag";
import { appProps } from "../../testing/cdk-context";
import { DEPLOYMENTS } from "../../testing/deployments";
import { sampled } from "../../testing/exhaustive";
import { stackIn, TEMPLATES, type TemplateName } from "../../testing/templates";

/** Accepted findings, by rule and path. */
const ACCEPTED: { rule: RegExp; path: RegExp; reason: string }[] = [
  {
    rule: /^AwsSolutions-APIG4$/,
    path: /Gateway\/Api\/(?!\$connect)/,
    reason:
      "A WebSocket API authorizes at $connect alone; every later route has the connection's identity",
  },
  {
    rule: /^AwsSolutions-APIG1$|^Serverless-APIGWAccessLogging$/,
    path: /Gateway\/Stage/,
    reason:
      "Off by default, for they need a setting of the whole account: docs/adr/0009-access-logs.md",
  },
  {
    rule: /^AwsSolutions-IAM5\[.*\/@connections\/\*\]$/,
    path: /Role\/DefaultPolicy/,
    reason:
      "Which connections there will be is not known; the API, the stage and the method are named",
  },
  {
    rule: /^AwsSolutions-IAM5\[.*\/stream\/\*\]$/,
    path: /TransitionsRole/,
    reason:
      "ListStreams takes the streams of a table, whose labels are not known before they are made",
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    path: /Role\/DefaultPolicy/,
    reason: "Traces of X-Ray have no resource that a policy could name",
  },
  {
    rule: /^AwsSolutions-IAM5\[Action::kms:(GenerateDataKey|ReEncrypt)\*\]$/,
    path: /(Transitions|Deliver)Role\/DefaultPolicy/,
    reason: "How CDK lets a role write to an encrypted queue: the one key is named",
  },
  {
    rule: /^AwsSolutions-IAM5\[.*DashboardPage\w+\.Arn>\/\*\]$/,
    path: /Dashboard\/UploadRole/,
    reason: "The page's files are named by their content; the bucket holds nothing else",
  },
  {
    rule: /^AwsSolutions-S1$/,
    path: /Dashboard\/Page/,
    reason: "It has but the public page, and CloudFront alone reads it",
  },
  {
    rule: /^AwsSolutions-CFR[123]$/,
    path: /Dashboard\/Distribution/,
    reason:
      "A static page that shows nothing without a sign-in elsewhere: countries, a firewall and logs are for its operator to choose",
  },
  {
    rule: /^AwsSolutions-CFR4$/,
    path: /Dashboard\/Distribution/,
    reason:
      "The certificate of cloudfront.net brings its own list of protocols; what is secret goes to API Gateway, by TLS 1.2",
  },
  {
    rule: /^AwsSolutions-CFR[123]$/,
    path: /HttpEndpoint\/Domain\/Distribution/,
    reason:
      "In front of a function URL that is public as well, and checks every token itself: countries, a firewall and logs are for its operator to choose",
  },
  {
    rule: /^AwsSolutions-DDB3$/,
    path: /Subscriptions/,
    reason:
      "Its rows are worth nothing after two hours, and clients subscribe again when they connect",
  },
  {
    rule: /^AwsSolutions-SQS3$|^Serverless-SQSRedrivePolicy$/,
    path: /Undelivered/,
    reason: "It is itself the queue for what could not be delivered",
  },
  {
    rule: /^Serverless-LambdaDLQ$/,
    path: /./,
    reason:
      "Called synchronously, or by a stream and rules that have queues of their own; a sweep comes again",
  },
  {
    rule: /^Serverless-EventBusDLQ$|^Serverless-LambdaAsyncFailureDestination$/,
    path: /Sweep\/(Schedule|Sweep\/EventInvokeConfig)/,
    reason: "A sweep that is not started, or fails, is made up for by the next one",
  },
  {
    rule: /^Serverless-LambdaTracing$/,
    path: /./,
    reason: "Off by default for its cost: the prop `tracing` switches it on",
  },
];

interface Report {
  pluginReports: {
    violations: { ruleName: string; violatingConstructs?: { constructPath: string }[] }[];
  }[];
}

interface Finding {
  rule: string;
  path: string;
}

/** The findings in an app, which is synthesized into its own folder. */
function findingsIn(app: App): Finding[] {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  // It throws if there are findings, after it has written them.
  expect(() => app.synth()).toThrow();
  const text = readFileSync(join(app.outdir, "validation-report.json"), "utf8");
  const { pluginReports } = JSON.parse(text) as Report;
  return pluginReports
    .flatMap(({ violations }) => violations)
    .flatMap(({ ruleName, violatingConstructs = [] }) =>
      violatingConstructs.map(({ constructPath }) => ({ rule: ruleName, path: constructPath })),
    );
}

const notAccepted = (findings: Finding[]) =>
  findings.filter(
    (finding) =>
      !ACCEPTED.some(({ rule, path }) => rule.test(finding.rule) && path.test(finding.path)),
  );

describe("cdk-nag", () => {
  let findings: Finding[];
  beforeAll(() => {
    const app = new App(appProps());
    for (const name of Object.keys(TEMPLATES) as TemplateName[]) stackIn(app, name);
    findings = findingsIn(app);
  });

  it("finds only what is accepted with a reason", () => {
    expect(notAccepted(findings)).toEqual([]);
  });

  it("finds everything that is accepted", () => {
    const outdated = ACCEPTED.filter(
      ({ rule, path }) =>
        !findings.some((finding) => rule.test(finding.rule) && path.test(finding.path)),
    );
    expect(outdated).toEqual([]);
  });

  it.each(sampled(Object.entries(DEPLOYMENTS), 3))(
    "finds no more in a deployment %s",
    (_, deployment) => {
      const all = deployment().flatMap(findingsIn);
      // Findings in the app's other resources don't matter.
      const ours = all.filter(({ path }) => /\/(Presence|Blue|Green)\//.test(path));
      expect(ours.length).toBeGreaterThan(0);
      expect(notAccepted(ours)).toEqual([]);
    },
    60_000,
  );
});
