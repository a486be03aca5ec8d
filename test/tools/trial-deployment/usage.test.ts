/** Checks usage and cost of a trial deployment against CloudWatch metrics. */

import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { describe, expect, it, jest } from "@jest/globals";
import {
  costOf,
  measuredOf,
  NO_USAGE,
  settledUsage,
  usageBetween,
} from "../../../tools/trial-deployment/usage";

const RESOURCES = [
  { type: "AWS::ApiGatewayV2::Api", logicalId: "Api", id: "abc123", left: false },
  { type: "AWS::Lambda::Function", logicalId: "Heartbeat", id: "trial-heartbeat", left: false },
  { type: "AWS::DynamoDB::Table", logicalId: "Status", id: "trial-status", left: false },
  { type: "AWS::Logs::LogGroup", logicalId: "Logs", id: "trial-logs", left: false },
  { type: "AWS::IAM::Role", logicalId: "Role", id: "trial-role", left: false },
];

describe("the usage of a trial", () => {
  const measured = measuredOf(RESOURCES, () => 512);

  it("is measured for exactly the resources that are billed by use", () => {
    expect(measured.map(({ metric }) => metric)).toEqual([
      "MessageCount",
      "ConnectCount",
      "Invocations",
      "Duration",
      "ConsumedWriteCapacityUnits",
      "ConsumedReadCapacityUnits",
      "IncomingBytes",
    ]);
  });

  it("is summed over all minutes, weighted by each function's memory", async () => {
    const client = new CloudWatchClient({ region: "us-east-1" });
    const send = jest.spyOn(client, "send");
    send.mockImplementation((async () => ({
      MetricDataResults: measured.map((_, index) => ({ Id: `m${index}`, Values: [1000, 500] })),
    })) as never);
    const usage = await usageBetween(client, measured, { from: 61_000, to: 119_000 });
    expect(usage).toEqual({
      messages: 1500,
      connections: 1500,
      invocations: 1500,
      milliseconds: 1500,
      gbSeconds: 0.75,
      writeUnits: 1500,
      readUnits: 1500,
      logBytes: 1500,
    });
    expect(send.mock.calls[0]?.[0].input).toMatchObject({
      StartTime: new Date(60_000),
      EndTime: new Date(120_000),
    });
  });

  it("is polled until it is stable, up to a maximum number of polls", async () => {
    const counts = [0, 0, 5, 8, 8, 8, 9];
    const poll = async () => ({ ...NO_USAGE, messages: counts.shift() ?? -1 });
    const waits: number[] = [];
    const wait = async (ms: number) => void waits.push(ms);
    expect(await settledUsage(poll, wait)).toMatchObject({ messages: 8 });
    expect(counts).toEqual([9]);
    let polls = 0;
    const unstable = async () => ({ ...NO_USAGE, messages: ++polls });
    await settledUsage(unstable, wait);
    expect(polls).toBe(12);
  });

  it("is priced by its region, or by the first known region", () => {
    const usage = { ...NO_USAGE, messages: 2_000_000, connections: 10 };
    const bill = costOf(usage, { region: "us-east-1", minutes: 100_000 });
    expect(bill.items.map(({ what, usd }) => [what, usd])).toEqual([
      ["messages", 2],
      ["connection minutes, at most", 0.25],
    ]);
    expect(costOf(usage, { region: "mars-1", minutes: 0 }).pricesOf).toBe("us-east-1");
  });
});
