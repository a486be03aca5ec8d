import { describe, expect, it } from "@jest/globals";
import { queryOf, stsIn } from "../../core/aws-proof";
import { hasAssumed, readAssumedRole, readRoleArn } from "../../core/aws-role";

describe("a role's ARN", () => {
  it.each([
    ["arn:aws:iam::123456789012:role/worker", "worker"],
    ["arn:aws:iam::123456789012:role/team/a/worker", "worker"],
    ["arn:aws-cn:iam::123456789012:role/w+=,.@-_", "w+=,.@-_"],
    ["arn:aws-iso-b:iam::123456789012:role/service-role/worker", "worker"],
  ])("is read with any path: %s", (arn, name) => {
    expect(readRoleArn(arn)).toMatchObject({ accountId: "123456789012", name });
  });

  it.each([
    "",
    "worker",
    "arn:aws:iam::123456789012:role/",
    "arn:aws:iam::123456789012:role/*",
    "arn:aws:iam::*:role/worker",
    "arn:aws:iam::12345678901:role/worker",
    "arn:aws:iam::123456789012:user/worker",
    "arn:aws:iam:eu-west-1:123456789012:role/worker",
    "arn:aws:sts::123456789012:assumed-role/worker/session",
    "arn:gcp:iam::123456789012:role/worker",
    "arn:aws:iam::123456789012:role/worker\n",
    " arn:aws:iam::123456789012:role/worker",
    `arn:aws:iam::123456789012:role/${"x".repeat(65)}`,
    `arn:aws:iam::123456789012:role/${"a/".repeat(20_000)}`,
  ])("is refused if it is another text: %j", (arn) => {
    expect(readRoleArn(arn)).toBeUndefined();
  });

  it("matches a session of the role, whatever the role's path", () => {
    const identity = readAssumedRole("arn:aws:sts::123456789012:assumed-role/worker/i-0");
    if (!identity) throw new Error("expected a role");
    expect(identity.sessionName).toBe("i-0");
    expect(hasAssumed(identity, "arn:aws:iam::123456789012:role/a/b/worker")).toBe(true);
    expect(hasAssumed(identity, "arn:aws:iam::123456789012:role/worker/a")).toBe(false);
    expect(hasAssumed(identity, "arn:aws:iam::123456789013:role/worker")).toBe(false);
    expect(hasAssumed(identity, "arn:aws-cn:iam::123456789012:role/worker")).toBe(false);
  });
});

describe("the STS of a region", () => {
  it.each([
    ["us-east-1", "sts.us-east-1.amazonaws.com", "aws"],
    ["ap-southeast-5", "sts.ap-southeast-5.amazonaws.com", "aws"],
    ["cn-northwest-1", "sts.cn-northwest-1.amazonaws.com.cn", "aws-cn"],
    ["us-gov-east-1", "sts.us-gov-east-1.amazonaws.com", "aws-us-gov"],
    ["us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov", "aws-iso-b"],
    ["us-isof-south-1", "sts.us-isof-south-1.csp.hci.ic.gov", "aws-iso-f"],
  ])("of %s is %s", (region, host, partition) => {
    expect(stsIn(region)).toEqual({ host, partition });
  });

  it.each(["", "s3-us-west-2", "us-east-1.evil", "us-east-1/", "US-EAST-1", "..", "us-east", "-1"])(
    "is unknown for %j",
    (region) => expect(stsIn(region)).toBeUndefined(),
  );
});

it("encodes a query as AWS signs it", () => {
  expect(queryOf({ b: "x y/+=~", "A-1": "!'()*é" })).toBe(
    "A-1=%21%27%28%29%2A%C3%A9&b=x%20y%2F%2B%3D~",
  );
});
