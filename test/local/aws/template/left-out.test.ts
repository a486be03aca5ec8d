/** What happens to parts of a template that the emulator does not support. */

import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { readModel } from "../../../../local/aws/resources/model";
import { readAssembly } from "../../../../local/aws/template/assembly";
import type { Resource } from "../../../../local/aws/template/template";
import { temporaryFolder } from "../../../../testing/temporary-folder";

const FIXTURE = join(__dirname, "../fixture");
let directory: string;
beforeAll(() => {
  directory = temporaryFolder();
});

/** The fixture's template with further resources; what is left out of it, if that is allowed. */
function modelWith(resources: Record<string, Resource>, leavesOut = true) {
  const assembly = readAssembly(FIXTURE);
  const template = {
    ...assembly.template,
    Resources: { ...assembly.template.Resources, ...resources },
  };
  const leftOut: string[] = [];
  const model = readModel(
    { ...assembly, directory, template },
    {
      region: "us-east-1",
      accountId: "000000000000",
      stackName: assembly.stackName,
      gatewayHost: "127.0.0.1:1",
      ...(leavesOut && { leaveOut: (problem) => leftOut.push(problem) }),
    },
  );
  return { model, leftOut };
}

const PYTHON: Resource = {
  Type: "AWS::Lambda::Function",
  Properties: { Runtime: "python3.13", Handler: "index.handler", Code: { ZipFile: "pass" } },
};
const RULE: Resource = {
  Type: "AWS::Events::Rule",
  Properties: {
    EventPattern: { source: ["x"] },
    Targets: [{ Id: "t", Arn: { "Fn::GetAtt": ["Python", "Arn"] } }],
  },
};
const QUEUE_RULE: Resource = {
  Type: "AWS::Events::Rule",
  Properties: {
    EventPattern: { source: ["x"] },
    Targets: [{ Id: "t", Arn: { "Fn::GetAtt": ["Topic", "Arn"] } }],
  },
};
const HTTP_API: Resource = {
  Type: "AWS::ApiGatewayV2::Api",
  Properties: { ProtocolType: "HTTP", Name: "mine" },
};
const QUEUE_MAPPING: Resource = {
  Type: "AWS::Lambda::EventSourceMapping",
  Properties: {
    EventSourceArn: { "Fn::GetAtt": ["Topic", "Arn"] },
    FunctionName: { Ref: "Python" },
    StartingPosition: "LATEST",
  },
};

describe("a template with parts that are not supported", () => {
  const parts = {
    Network: { Type: "AWS::EC2::VPC" },
    Topic: { Type: "AWS::SNS::Topic" },
    Python: PYTHON,
    Rule: RULE,
    QueueRule: QUEUE_RULE,
    QueueMapping: QUEUE_MAPPING,
    HttpApi: HTTP_API,
  };

  it("runs without them, and names each that would do something", () => {
    const { model, leftOut } = modelWith(parts);
    const before = modelWith({}).model;
    expect(model.functions.map(({ name }) => name)).toEqual(
      before.functions.map(({ name }) => name),
    );
    expect(model.rules.map(({ logicalId }) => logicalId)).toEqual(
      before.rules.map(({ logicalId }) => logicalId),
    );
    expect(model.mappings.map(({ logicalId }) => logicalId)).toEqual(
      before.mappings.map(({ logicalId }) => logicalId),
    );
    expect(model.api).toEqual(before.api);
    expect(leftOut).toEqual([
      "Network: AWS::EC2::VPC does not run here",
      'Python.Runtime: expected a Node.js runtime, got "python3.13"',
      "QueueMapping: its function does not run here",
      "Rule: its function does not run here",
      expect.stringMatching(/^QueueRule\.Targets: expected targets that are functions, got /),
    ]);
  });

  it.each(["Network", "Python", "HttpApi"] as const)(
    "is refused for %s, unless they may be left out",
    (name) => {
      expect(() => modelWith({ [name]: parts[name] }, false)).toThrow(
        name === "HttpApi" ? "expected one AWS::ApiGatewayV2::Api, got 2" : `${name}`,
      );
    },
  );
});

describe("a table with provisioned capacity", () => {
  it("admits any load, and its auto-scaling is not missed", () => {
    const { model, leftOut } = modelWith({
      Steady: {
        Type: "AWS::DynamoDB::Table",
        Properties: {
          KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
          AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
          ProvisionedThroughput: { ReadCapacityUnits: 5, WriteCapacityUnits: 100 },
        },
      },
      Target: { Type: "AWS::ApplicationAutoScaling::ScalableTarget" },
      Policy: {
        Type: "AWS::ApplicationAutoScaling::ScalingPolicy",
        Properties: { ScalingTargetId: { Ref: "Target" } },
      },
    });
    const steady = model.tables.find(({ name }) => name.includes("Steady"));
    expect(steady?.input).toMatchObject({ BillingMode: "PAY_PER_REQUEST" });
    expect(steady?.input).not.toHaveProperty("ProvisionedThroughput");
    expect(leftOut).toEqual([]);
  });
});

describe("a function whose code is in the template", () => {
  it("is read from a file in the assembly", () => {
    const inline = { ...PYTHON.Properties, Runtime: "nodejs22.x" };
    const { model } = modelWith({ Inline: { Type: "AWS::Lambda::Function", Properties: inline } });
    const found = model.functions.find(({ logicalId }) => logicalId === "Inline");
    expect(found?.directory).toBe(join(directory, "inline.Inline"));
  });
});
