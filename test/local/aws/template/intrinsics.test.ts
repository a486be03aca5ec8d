// biome-ignore-all lint/suspicious/noTemplateCurlyInString: CloudFormation has such placeholders too

import { describe, expect, it } from "@jest/globals";
import { createResolver } from "../../../../local/aws/template/intrinsics";

const resolver = (rewrite?: (text: string) => string) =>
  createResolver({
    template: {
      Resources: {},
      Parameters: { Size: { Type: "String", Default: "big" } },
      Conditions: {
        East: { "Fn::Equals": [{ Ref: "AWS::Region" }, "us-east-1"] },
        West: { "Fn::Not": [{ Condition: "East" }] },
        Both: { "Fn::And": [{ Condition: "East" }, { Condition: "West" }] },
      },
    },
    pseudo: { "AWS::Region": "us-east-1" },
    resource: (logicalId) =>
      logicalId === "Table"
        ? { ref: "table-1", attribute: (name) => (name === "Arn" ? "arn:table-1" : undefined) }
        : undefined,
    ...(rewrite && { rewrite }),
  });

describe("the resolver of intrinsics", () => {
  it.each([
    ["Ref of a resource", { Ref: "Table" }, "table-1"],
    ["Ref of a pseudo parameter", { Ref: "AWS::Region" }, "us-east-1"],
    ["Ref of a parameter", { Ref: "Size" }, "big"],
    ["GetAtt", { "Fn::GetAtt": ["Table", "Arn"] }, "arn:table-1"],
    ["GetAtt in one text", { "Fn::GetAtt": "Table.Arn" }, "arn:table-1"],
    ["Join", { "Fn::Join": ["-", ["a", { Ref: "Table" }]] }, "a-table-1"],
    ["Sub", { "Fn::Sub": "${Table}/${Table.Arn}/${!x}" }, "table-1/arn:table-1/${x}"],
    ["Sub with own values", { "Fn::Sub": ["${a}${Size}", { a: { Ref: "Table" } }] }, "table-1big"],
    ["Select of Split", { "Fn::Select": [1, { "Fn::Split": [":", "a:b"] }] }, "b"],
    ["If", { "Fn::If": ["West", "w", { "Fn::If": ["East", "e", "?"] }] }, "e"],
    ["If of And", { "Fn::If": ["Both", 1, 2] }, 2],
    [
      "what is nested",
      { a: [{ b: { Ref: "Size" } }, 1, true, null] },
      { a: [{ b: "big" }, 1, true, null] },
    ],
    ["no value", { a: { Ref: "AWS::NoValue" }, b: [{ Ref: "AWS::NoValue" }, 1] }, { b: [1] }],
    ["a policy's Condition", { Condition: { Bool: {} } }, { Condition: { Bool: {} } }],
  ])("resolves %s", (_, value, expected) => {
    expect(resolver().resolve(value, "X")).toEqual(expected);
  });

  it("rewrites a string after it is joined", () => {
    const value = { "Fn::Join": ["", ["https://", { Ref: "Size" }, ".example"]] };
    const rewrite = (text: string) => text.replace("https://big.example", "http://local");
    expect(resolver(rewrite).resolve(value, "X")).toBe("http://local");
  });

  it.each([
    [{ Ref: "Nothing" }, 'The template at X.a: Ref names "Nothing"'],
    [{ "Fn::GetAtt": ["Nothing", "Arn"] }, 'The template at X.a: Fn::GetAtt names "Nothing"'],
    [{ "Fn::GetAtt": ["Table", "Size"] }, 'The template at X.a: "Table" has no attribute "Size"'],
    [
      { "Fn::ImportValue": "x" },
      "The template at X.a: the intrinsic Fn::ImportValue is not supported",
    ],
  ])("names the path of a value that can't be resolved: %j", (value, message) => {
    expect(() => resolver().resolve({ a: value }, "X")).toThrow(message);
  });
});
