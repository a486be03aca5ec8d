/** Every way to deploy: no names collide, each role has the required permissions, and everything is created before its use. */

import { beforeAll, describe, expect, it } from "@jest/globals";
import { type App, NestedStack, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { ACCOUNT, BOUNDARY, DEPLOYMENTS, hostApp, REGION } from "../../testing/deployments";
import { allows, type PolicyStatement } from "../../testing/iam";
import { physicalNames } from "../../testing/physical-names";
import {
  allNeedsOf,
  circleIn,
  type ResolvedTemplate,
  type Resource,
  resolveTemplate,
} from "../../testing/resolved-template";
import CALLS from "./fixtures/aws-calls.json";

let count = 0;

/** The resolved templates of an app. */
const deployed = (app: App): ResolvedTemplate[] =>
  app.node
    .findAll()
    .filter((node) => Stack.isStack(node))
    .map((stack) => {
      count += 1;
      const known = stack as Stack;
      const isNested = NestedStack.isNestedStack(known);
      return resolveTemplate(Template.fromStack(known).toJSON(), {
        account: ACCOUNT,
        region: known.region.startsWith("$") ? REGION : known.region,
        // CloudFormation assigns unique names to nested stacks.
        stackName: isNested ? `${known.node.id}-${count}` : known.stackName,
        stackId: `00000000-0000-0000-0000-${String(count).padStart(12, "0")}`,
      });
    });

const ofType = ({ resources }: ResolvedTemplate, type: string) =>
  resources.filter((resource) => resource.type === type);

const variablesOf = ({ properties }: Resource) =>
  ((properties.Environment as { Variables?: Record<string, string> })?.Variables ?? {}) as Record<
    string,
    string
  >;

/** The construct's functions by folder. A stack may contain several of each. */
const ownFunctions = (template: ResolvedTemplate) =>
  ofType(template, "AWS::Lambda::Function").filter(
    (fn) => variablesOf(fn).POWERTOOLS_SERVICE_NAME !== undefined,
  );

const statementsOf = ({ properties }: Resource) =>
  (properties.PolicyDocument as { Statement: PolicyStatement[] }).Statement;

const roleOf = ({ properties }: Resource) => String(properties.Role);

const nameOf = (template: ResolvedTemplate, { id }: Resource) => `${template.stackName}-${id}`;

const policiesOf = (template: ResolvedTemplate, fn: Resource): Resource[] =>
  ofType(template, "AWS::IAM::Policy").filter(({ properties }) =>
    (properties.Roles as string[]).some((role) => roleOf(fn).endsWith(`role/${role}`)),
  );

const identityOf = (template: ResolvedTemplate, fn: Resource): PolicyStatement[] =>
  policiesOf(template, fn).flatMap(statementsOf);

const arn = ({ region }: ResolvedTemplate, service: string, resource: string) =>
  `arn:aws:${service}:${region}:${ACCOUNT}:${resource}`;

/** The resource of a recorded call in this deployment. */
function resourceOf(
  template: ResolvedTemplate,
  fn: Resource,
  { action, on }: { action: string; on: string },
) {
  const [variable = "", detail] = on.split("/");
  const value = variablesOf(fn)[variable];
  if (value === undefined) return undefined;
  if (action.startsWith("dynamodb:")) {
    return arn(template, "dynamodb", `table/${value}${detail ? `/index/${detail}` : ""}`);
  }
  if (action.startsWith("events:")) return arn(template, "events", `event-bus/${value}`);
  const [, apiId, stage] = /^https:\/\/([^.]+)\.[^/]+\/(\w+)$/.exec(value) ?? [];
  return arn(template, "execute-api", `${apiId}/${stage}/${detail}/@connections/abc=`);
}

describe.each(Object.entries(DEPLOYMENTS))("a deployment %s", (_, deployment) => {
  let templates: ResolvedTemplate[];
  beforeAll(() => {
    templates = deployment().flatMap(deployed);
  });

  it("uses no name twice that must be unique in an account or region", () => {
    const names = templates.flatMap((template) => {
      const own = template.resources.filter(
        ({ type }) => !/^(Custom::(?!BucketFiles)|AWS::CDK)/.test(type),
      );
      return physicalNames({ ...template, resources: own });
    });
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it("has no circular dependency", () => {
    expect(templates.flatMap(circleIn)).toEqual([]);
  });

  it("allows every function its recorded calls", () => {
    const refused = templates.flatMap((template) =>
      ownFunctions(template).flatMap((fn) => {
        const entry = variablesOf(fn).POWERTOOLS_SERVICE_NAME;
        const policy = identityOf(template, fn);
        return CALLS.filter(({ caller }) => caller === entry).flatMap((call) => {
          const resource = resourceOf(template, fn, call);
          const may = resource !== undefined && allows(policy, { action: call.action, resource });
          return may ? [] : [`${fn.id} ${call.action} ${resource ?? call.on}`];
        });
      }),
    );
    expect(refused).toEqual([]);
    expect(templates.flatMap(ownFunctions).length).toBeGreaterThan(10);
  });

  it("allows every function to write its logs and to use the keys of its tables", () => {
    const refused = templates.flatMap((template) =>
      ownFunctions(template).flatMap((fn) => {
        const policy = identityOf(template, fn);
        const { LogGroup } = fn.properties.LoggingConfig as { LogGroup: string };
        const logs = ["logs:CreateLogStream", "logs:PutLogEvents"].map((action) => ({
          action,
          resource: `${arn(template, "logs", `log-group:${LogGroup}`)}:*`,
        }));
        const keys = keysOf(template, fn).flatMap((resource) =>
          ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"].map((action) => ({
            action,
            resource,
            context: { "kms:ViaService": `dynamodb.${template.region}.amazonaws.com` },
          })),
        );
        return [...logs, ...keys]
          .filter((call) => !allows(policy, call))
          .map(({ action, resource }) => `${fn.id} ${action} ${resource}`);
      }),
    );
    expect(refused).toEqual([]);
  });

  it("allows reading the stream, and storing undelivered records", () => {
    const refused = templates.flatMap((template) =>
      ofType(template, "AWS::Lambda::EventSourceMapping").flatMap(({ properties }) => {
        const fn = functionOf(template, String(properties.FunctionName));
        const stream = String(properties.EventSourceArn);
        const { Destination } = (
          properties.DestinationConfig as { OnFailure: { Destination: string } }
        ).OnFailure;
        const needed = [
          ["dynamodb:DescribeStream", stream],
          ["dynamodb:GetRecords", stream],
          ["dynamodb:GetShardIterator", stream],
          ["dynamodb:ListStreams", stream],
          ["sqs:SendMessage", Destination],
        ];
        const policy = identityOf(template, fn);
        return needed
          .filter(([action = "", resource = ""]) => !allows(policy, { action, resource }))
          .map((call) => call.join(" "));
      }),
    );
    expect(refused).toEqual([]);
  });

  it("allows uploading any page to its bucket", () => {
    for (const template of templates) {
      for (const { properties } of ofType(template, "Custom::BucketFiles")) {
        const fn = functionOf(
          template,
          String(properties.ServiceToken).split(":function:")[1] ?? "",
        );
        const policy = identityOf(template, fn);
        const bucket = `arn:aws:s3:::${properties.BucketName}`;
        for (const [action, resource] of [
          ["s3:ListBucket", bucket],
          ["s3:PutObject", `${bucket}/index.html`],
          ["s3:PutObject", `${bucket}/assets/any-0123.js`],
          ["s3:DeleteObject", `${bucket}/assets/old-0123.js`],
        ] as const) {
          expect([action, resource, allows(policy, { action, resource })]).toEqual([
            action,
            resource,
            true,
          ]);
        }
        // The policy must not depend on the page's content.
        expect(JSON.stringify(policy)).not.toMatch(/[0-9a-f]{64}/);
      }
    }
  });

  it("allows the gateway and the event bus to invoke their functions", () => {
    const refused = templates.flatMap((template) => {
      const permissions = ofType(template, "AWS::Lambda::Permission").map(
        ({ properties }) => properties,
      );
      const may = (fn: string, Principal: string) =>
        permissions.some(
          (permission) =>
            String(permission.FunctionName).endsWith(fn) && permission.Principal === Principal,
        );
      const called = [
        ...[
          ...ofType(template, "AWS::ApiGatewayV2::Integration"),
          ...ofType(template, "AWS::ApiGatewayV2::Authorizer"),
        ].map(
          ({ properties }) =>
            [
              String(properties.IntegrationUri ?? properties.AuthorizerUri),
              "apigateway.amazonaws.com",
            ] as const,
        ),
        ...ofType(template, "AWS::Events::Rule")
          .flatMap(({ properties }) => properties.Targets as { Arn: string }[])
          .map(({ Arn }) => [Arn, "events.amazonaws.com"] as const),
      ];
      return called
        .map(([uri, principal]) => [/:function:([^/]+)/.exec(uri)?.[1] ?? uri, principal] as const)
        .filter(([fn, principal]) => !may(fn, principal))
        .map((call) => call.join(" "));
    });
    expect(refused).toEqual([]);
  });

  it("allows the event bus to store undelivered events", () => {
    for (const template of templates) {
      for (const { properties } of ofType(template, "AWS::Events::Rule")) {
        for (const target of properties.Targets as { DeadLetterConfig?: { Arn: string } }[]) {
          const resource = target.DeadLetterConfig?.Arn;
          if (!resource) continue;
          const policy = ofType(template, "AWS::SQS::QueuePolicy").flatMap(statementsOf);
          const rules = ofType(template, "AWS::Events::Rule").map((rule) =>
            arn(template, "events", `rule/${nameOf(template, rule)}`),
          );
          const context = { "aws:SecureTransport": "true" };
          const may = rules.some((rule) =>
            allows(policy, {
              action: "sqs:SendMessage",
              resource,
              principal: "events.amazonaws.com",
              context: { ...context, "aws:SourceArn": rule },
            }),
          );
          expect([resource, may]).toEqual([resource, true]);
        }
      }
    }
  });

  it("creates grants before anything uses them", () => {
    const early = templates.flatMap((template) =>
      ownFunctions(template).flatMap((fn) => {
        const needs = allNeedsOf(template, fn.id);
        return policiesOf(template, fn)
          .filter(({ id }) => !needs.has(id))
          .map(({ id }) => `${fn.id} before ${id}`);
      }),
    );
    expect(early).toEqual([]);
  });

  it("creates the stage after every route", () => {
    for (const template of templates) {
      for (const stage of ofType(template, "AWS::ApiGatewayV2::Stage")) {
        expect(stage.properties.AutoDeploy).toBeUndefined();
        const needs = allNeedsOf(template, stage.id);
        const parts = template.resources.filter(
          ({ type, properties }) =>
            /^AWS::ApiGatewayV2::(Route|RouteResponse|Integration|Authorizer|Deployment)$/.test(
              type,
            ) && properties.ApiId === stage.properties.ApiId,
        );
        expect(parts.length).toBeGreaterThan(28);
        expect(parts.filter(({ id }) => !needs.has(id)).map(({ id }) => id)).toEqual([]);
        expect(stage.properties.DeploymentId).toBeDefined();
      }
    }
  });

  it("throttles below the quota of the smallest regions, and reserves no concurrency", () => {
    for (const template of templates) {
      for (const { properties } of ofType(template, "AWS::ApiGatewayV2::Stage")) {
        const limits = properties.DefaultRouteSettings as Record<string, number>;
        expect(limits.ThrottlingRateLimit).toBeLessThan(2500);
        expect(limits.ThrottlingBurstLimit).toBeLessThan(1250);
      }
      for (const fn of ownFunctions(template)) {
        expect(fn.properties).not.toHaveProperty("ReservedConcurrentExecutions");
      }
    }
  });
});

describe("an existing app", () => {
  const ofHost = (app: App) =>
    Template.fromStack(app.node.findChild("Host") as Stack).toJSON().Resources as Record<
      string,
      object
    >;

  it("is deployed unchanged, whether its resources come before the construct or after", () => {
    const [alone, together] = [ofHost(hostApp({ withPresence: false })), ofHost(hostApp())];
    const own = Object.fromEntries(Object.entries(together).filter(([id]) => id in alone));
    expect(own).toEqual(alone);
    const added = Object.keys(together).filter((id) => !(id in alone));
    expect(added.filter((id) => !id.startsWith("Presence"))).toEqual([]);
  });

  it("applies its permissions boundary and tags to the construct", () => {
    const resources = Object.values(ofHost(hostApp())) as { Type: string; Properties: object }[];
    const of = (type: string) => resources.filter(({ Type }) => Type === type);
    for (const { Properties } of of("AWS::IAM::Role")) {
      expect(Properties).toHaveProperty("PermissionsBoundary", BOUNDARY);
    }
    expect(of("AWS::DynamoDB::Table")).toHaveLength(3);
    for (const { Properties } of of("AWS::DynamoDB::Table")) {
      expect(Properties).toMatchObject({ Tags: [{ Key: "team", Value: "search" }] });
    }
  });
});

const functionOf = (template: ResolvedTemplate, name: string): Resource => {
  const found = ofType(template, "AWS::Lambda::Function").find(
    (fn) => nameOf(template, fn) === name,
  );
  if (!found) throw new Error(`no function ${name}`);
  return found;
};

/** The keys of a function's tables. */
function keysOf(template: ResolvedTemplate, fn: Resource): string[] {
  const variables = Object.values(variablesOf(fn));
  const made = ofType(template, "AWS::DynamoDB::Table")
    .filter((table) => variables.includes(nameOf(template, table)))
    .map(
      ({ properties }) =>
        (properties.SSESpecification as { KMSMasterKeyId?: string })?.KMSMasterKeyId,
    );
  return [...new Set(made.filter((key) => key !== undefined))];
}
