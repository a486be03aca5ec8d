/** The policy evaluator that tests the matrix of deployments. */

import { describe, expect, it } from "@jest/globals";
import { allows, type PolicyStatement } from "../../testing/iam";

const TABLE = "arn:aws:dynamodb:eu-west-1:1:table/Agents";
const read: PolicyStatement = { Effect: "Allow", Action: "dynamodb:GetItem", Resource: TABLE };
const call = { action: "dynamodb:GetItem", resource: TABLE };

describe("the policy evaluator", () => {
  it.each<[string, PolicyStatement[], object, boolean]>([
    ["what a statement names", [read], {}, true],
    ["nothing by default", [], {}, false],
    ["no other action", [read], { action: "dynamodb:PutItem" }, false],
    ["an action in any case", [{ ...read, Action: "DynamoDB:getitem" }], {}, true],
    ["a family of actions", [{ ...read, Action: ["s3:*", "dynamodb:Get*"] }], {}, true],
    ["no other resource", [read], { resource: `${TABLE}2` }, false],
    ["no index, if the table alone is named", [read], { resource: `${TABLE}/index/x` }, false],
    [
      "what a pattern fits",
      [{ ...read, Resource: `${TABLE}/*` }],
      { resource: `${TABLE}/index/x` },
      true,
    ],
    [
      "nothing that is denied elsewhere",
      [read, { ...read, Effect: "Deny", Resource: "*" }],
      {},
      false,
    ],
  ])("allows %s", (_, statements, changes, expected) => {
    expect(allows(statements, { ...call, ...changes })).toBe(expected);
  });

  it("evaluates conditions against the call's context", () => {
    const only = [{ ...read, Condition: { StringEquals: { "kms:ViaService": "dynamodb" } } }];
    expect(allows(only, call)).toBe(false);
    expect(allows(only, { ...call, context: { "kms:ViaService": "dynamodb" } })).toBe(true);
  });

  it("evaluates a resource's policy for the caller", () => {
    const service = [{ ...read, Principal: { Service: "events.amazonaws.com" } }];
    expect(allows(service, { ...call, principal: "events.amazonaws.com" })).toBe(true);
    expect(allows(service, { ...call, principal: "sns.amazonaws.com" })).toBe(false);
  });

  it("fails for elements that it does not know", () => {
    const strange = { Condition: { IpAddress: { "aws:SourceIp": "1.2.3.4" } } };
    expect(() => allows([{ ...read, ...strange }], call)).toThrow("IpAddress");
    expect(() => allows([{ ...read, NotAction: "x" } as never], call)).toThrow("NotAction");
  });
});
