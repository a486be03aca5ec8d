import { describe, expect, it } from "@jest/globals";
import { type StreamEvent, settledBy } from "../../../tools/chaos/stage/settlements";

type Record = NonNullable<StreamEvent["Records"]>[0];
type Images = Pick<NonNullable<Record["dynamodb"]>, "OldImage" | "NewImage">;

const image = (attributes: object = {}, organizationId = "chaos") => ({
  organizationId: { S: organizationId },
  agentId: { S: "a" },
  ...attributes,
});
const record = (index: number, images: Images): Record => ({
  eventID: `e${index}`,
  dynamodb: { SequenceNumber: String(index), ApproximateCreationDateTime: index, ...images },
});
const revoked = image({ fencingToken: { N: "7" } });

const Records = [
  record(1, { NewImage: revoked }),
  record(2, { OldImage: revoked, NewImage: revoked }),
  record(3, {
    OldImage: image({ revokedKeys: { L: [{ S: "k" }, { S: "l" }] } }),
    NewImage: image({ revokedKeys: { L: [{ S: "m" }, { S: "l" }] } }),
  }),
  record(4, {
    OldImage: image({ revokedKeys: { L: [{ S: "k" }, { S: "l" }] } }),
    NewImage: image({ revokedKeys: { L: [{ S: "l" }, { S: "k" }] } }),
  }),
  record(5, { NewImage: image({ fencingToken: { N: "7" } }, "other") }),
  record(6, { OldImage: image(), NewImage: revoked }),
];
const settled = (result: unknown, event: StreamEvent = { Records }) =>
  settledBy(event, result, "chaos").map(({ id, writtenAt }) => [id, writtenAt]);

describe("the lock-outs in a batch of the stream", () => {
  it("are the changes of a fencing token or a revoked key, of agents of the run", () => {
    expect(settled({ batchItemFailures: [] })).toEqual([
      ["e1", 1000],
      ["e3", 3000],
      ["e6", 6000],
    ]);
  });

  it("are settled up to the first record that failed", () => {
    const failed = (...items: string[]) => ({
      batchItemFailures: items.map((itemIdentifier) => ({ itemIdentifier })),
    });
    expect(settled(failed("3"))).toEqual([["e1", 1000]]);
    expect(settled(failed("6", "1"))).toEqual([]);
  });

  it("are in no other event", () => {
    expect(settled({ statusCode: 200 }, {})).toEqual([]);
  });
});
