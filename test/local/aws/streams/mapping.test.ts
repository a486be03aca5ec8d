import { describe, expect, it } from "@jest/globals";
import { parsePattern } from "../../../../local/aws/events/pattern";
import { FunctionThrottled } from "../../../../local/aws/functions/concurrency";
import type { MappingDescription } from "../../../../local/aws/resources/event-source-mapping";
import { MappingConsumer } from "../../../../local/aws/streams/mapping";
import type { StreamRecord } from "../../../../local/aws/streams/stream-api";
import { FakeClock } from "../../../../testing/local-clock";

const clock = new FakeClock();

function record(sequence: number, values: Partial<StreamRecord["dynamodb"]> = {}): StreamRecord {
  return {
    eventID: `e${sequence}`,
    eventName: "MODIFY",
    dynamodb: {
      SequenceNumber: String(sequence),
      Keys: { id: { S: "one" } },
      ApproximateCreationDateTime: clock.now() / 1000,
      ...values,
    },
  };
}

const records = (count: number) => Array.from({ length: count }, (_, index) => record(index + 1));

/** Consumes records with a function that returns the given results, and records its calls. */
async function consume(
  given: StreamRecord[],
  answer: (sequences: string[], call: number) => unknown,
  settings: Partial<MappingDescription> = {},
) {
  const calls: string[][] = [];
  const discarded: string[] = [];
  const sequences = (batch: StreamRecord[]) => batch.map(({ dynamodb }) => dynamodb.SequenceNumber);
  const consumer = new MappingConsumer({
    description: {
      logicalId: "Mapping",
      streamArn: "arn:stream",
      functionName: "changes",
      startingPosition: "LATEST",
      batchSize: 100,
      batchingWindowMs: 0,
      filters: [],
      reportsItemFailures: true,
      bisectsOnError: false,
      parallelizationFactor: 1,
      maxRetries: 5,
      maxRecordAgeMs: Number.POSITIVE_INFINITY,
      ...settings,
    },
    target: {
      invoke: async (event) => {
        const called = sequences((event as { Records: StreamRecord[] }).Records);
        calls.push(called);
        return answer(called, calls.length);
      },
    },
    clock,
    region: "us-east-1",
    pause: async () => {},
    report: () => {},
    discard: (batch) => discarded.push(...sequences(batch)),
    stopping: () => false,
  });
  await consumer.consume(given);
  await consumer.settled();
  return { calls, discarded };
}

const failing = (...items: string[]) => ({
  batchItemFailures: items.map((itemIdentifier) => ({ itemIdentifier })),
});
const broken = () => {
  throw new Error("broken");
};

describe("an event source mapping", () => {
  it("passes records in batches and in order", async () => {
    const { calls } = await consume(records(5), () => failing(), { batchSize: 2 });
    expect(calls).toEqual([["1", "2"], ["3", "4"], ["5"]]);
  });

  it("passes the records of several items in parallel, and those of one in order", async () => {
    const given = Array.from({ length: 40 }, (_, index) =>
      record(index, { Keys: { id: { S: `item-${index % 10}` } } }),
    );
    const { calls } = await consume(given, () => failing(), { parallelizationFactor: 4 });
    expect(calls.length).toBeGreaterThan(1);
    expect(calls.length).toBeLessThanOrEqual(4);
    expect(calls.flat().sort()).toEqual(given.map((one) => one.dynamodb.SequenceNumber).sort());
    for (let item = 0; item < 10; item++) {
      const order = calls.map((call) => call.filter((one) => Number(one) % 10 === item));
      expect(order.filter((part) => part.length > 0)).toEqual([
        [item, item + 10, item + 20, item + 30].map(String),
      ]);
    }
  });

  it("continues with the records of other items while one batch is retried", async () => {
    const handled: string[] = [];
    const others = () => ["2", "3", "4"].every((number) => handled.includes(number));
    const given = [1, 2, 3, 4].map((number) =>
      record(number, { Keys: { id: { S: number === 1 ? "stuck" : `item-${number}` } } }),
    );
    // The stuck item's record fails until all others are handled.
    await consume(
      given,
      (called) => {
        if (called.includes("1") && !others()) return failing("1");
        handled.push(...called);
        return failing();
      },
      { parallelizationFactor: 50, maxRetries: 1000 },
    );
    expect(handled.sort()).toEqual(["1", "2", "3", "4"]);
  });

  it("makes no call for records that match no filter", async () => {
    const online = { NewImage: { status: { S: "online" } } };
    const filters = [parsePattern({ dynamodb: { NewImage: { status: { S: ["online"] } } } })];
    const given = [record(1), record(2, online), record(3)];
    expect((await consume(given, () => failing(), { filters })).calls).toEqual([["2"]]);
    expect((await consume([record(1)], () => failing(), { filters })).calls).toEqual([]);
  });

  it("retries from the first record that failed", async () => {
    const { calls } = await consume(records(4), (_, call) =>
      call === 1 ? failing("4", "2") : failing(),
    );
    expect(calls).toEqual([
      ["1", "2", "3", "4"],
      ["2", "3", "4"],
    ]);
  });

  it("retries all records if the function throws, or names one that it did not receive", async () => {
    const throwing = await consume(records(2), (_, call) => (call === 1 ? broken() : failing()));
    expect(throwing.calls).toEqual([
      ["1", "2"],
      ["1", "2"],
    ]);
    const naming = await consume(records(2), (_, call) => (call === 1 ? failing("9") : failing()));
    expect(naming.calls).toHaveLength(2);
    const both = await consume(records(2), (_, call) =>
      call === 1 ? failing("2", "9") : failing(),
    );
    expect(both.calls).toEqual([
      ["1", "2"],
      ["1", "2"],
    ]);
  });

  it("retries a batch whose function was throttled, without counting or halving it", async () => {
    const { calls, discarded } = await consume(
      records(2),
      (_, call) => {
        if (call < 5) throw new FunctionThrottled("Changes", "ConcurrentInvocationLimitExceeded");
        return failing();
      },
      { maxRetries: 1, bisectsOnError: true },
    );
    expect(calls).toEqual(Array(5).fill(["1", "2"]));
    expect(discarded).toEqual([]);
  });

  it("considers any result a success if item failures are not reported", async () => {
    const { calls } = await consume(records(2), () => failing("1"), { reportsItemFailures: false });
    expect(calls).toHaveLength(1);
  });

  it("halves a failing batch until the bad record is alone, and discards only that one", async () => {
    const { calls, discarded } = await consume(
      records(4),
      (sequences) => (sequences.includes("3") ? broken() : failing()),
      { bisectsOnError: true, maxRetries: 4 },
    );
    expect(discarded).toEqual(["3"]);
    const delivered = calls.filter((sequences) => !sequences.includes("3")).flat();
    expect(delivered).toEqual(["1", "2", "4"]);
  });

  it("discards a batch after the allowed retries, and continues with the next one", async () => {
    const { calls, discarded } = await consume(
      records(2),
      (sequences) => (sequences.includes("1") ? broken() : failing()),
      { batchSize: 1, maxRetries: 2 },
    );
    expect(calls).toEqual([["1"], ["1"], ["1"], ["2"]]);
    expect(discarded).toEqual(["1"]);
  });

  it("discards records that are too old", async () => {
    const old = record(1, { ApproximateCreationDateTime: clock.now() / 1000 - 61 });
    const { calls, discarded } = await consume([old, record(2)], () => failing(), {
      maxRecordAgeMs: 60_000,
    });
    expect(calls).toEqual([["2"]]);
    expect(discarded).toEqual(["1"]);
  });
});
