import { describe, expect, it } from "@jest/globals";
import {
  type Shard,
  type StreamApi,
  StreamError,
  type StreamRecord,
} from "../../../../local/aws/streams/stream-api";
import { readStream } from "../../../../local/aws/streams/stream-reader";

const record = (SequenceNumber: string): StreamRecord => ({
  eventID: SequenceNumber,
  eventName: "MODIFY",
  dynamodb: { SequenceNumber, Keys: { id: { S: "one" } }, ApproximateCreationDateTime: 0 },
});

/** A stream of shards with the given records; an iterator is `shard:position`. */
function fakeStream(shards: Record<string, { parent?: string; records: string[] }>) {
  const positions: string[] = [];
  let failure: Error | undefined;
  const api: StreamApi = {
    shards: async () =>
      Object.entries(shards).map(
        ([ShardId, { parent }]): Shard => ({
          ShardId,
          ...(parent && { ParentShardId: parent }),
        }),
      ),
    async iterator(_, shardId, position) {
      positions.push(position.ShardIteratorType);
      const after = "SequenceNumber" in position ? position.SequenceNumber : undefined;
      const index = after === undefined ? 0 : (shards[shardId]?.records.indexOf(after) ?? 0) + 1;
      return `${shardId}:${index}`;
    },
    async records(iterator) {
      const [shardId = "", position] = iterator.split(":");
      const index = Number(position);
      if (failure) {
        const thrown = failure;
        failure = undefined;
        throw thrown;
      }
      const sequence = shards[shardId]?.records[index];
      if (sequence === undefined) return { records: [], next: undefined };
      return { records: [record(sequence)], next: `${shardId}:${index + 1}` };
    },
    close() {},
  };
  return {
    api,
    positions,
    failOnce(error: Error) {
      failure = error;
    },
  };
}

async function readAll(stream: ReturnType<typeof fakeStream>, count: number) {
  const seen: string[] = [];
  const problems: string[] = [];
  let done = () => {};
  const complete = new Promise<void>((resolve) => {
    done = resolve;
  });
  const reader = await readStream({
    api: stream.api,
    streamArn: "arn:stream",
    startingPosition: "TRIM_HORIZON",
    report: (problem) => problems.push(problem),
    async consume(records) {
      seen.push(...records.map(({ dynamodb }) => dynamodb.SequenceNumber));
      if (seen.length === count) done();
    },
  });
  await complete;
  await reader.stop();
  return { seen, problems };
}

describe("the reader of a stream", () => {
  it("reads a shard after its parent", async () => {
    const stream = fakeStream({
      parent: { records: ["1", "2"] },
      child: { parent: "parent", records: ["3", "4"] },
    });
    expect((await readAll(stream, 4)).seen).toEqual(["1", "2", "3", "4"]);
  });

  it("continues at its position when an iterator has expired", async () => {
    const stream = fakeStream({ shard: { records: ["1", "2", "3"] } });
    const plain = stream.api.records;
    let calls = 0;
    stream.api.records = (iterator) => {
      calls += 1;
      if (calls === 3)
        stream.failOnce(new StreamError("GetRecords", "ExpiredIteratorException", "x"));
      return plain(iterator);
    };
    const { seen, problems } = await readAll(stream, 3);
    expect(seen).toEqual(["1", "2", "3"]);
    expect(stream.positions).toEqual(["TRIM_HORIZON", "AFTER_SEQUENCE_NUMBER"]);
    expect(problems).toHaveLength(1);
  });

  it("reads again after a failure", async () => {
    const stream = fakeStream({ shard: { records: ["1"] } });
    stream.failOnce(new Error("connection refused"));
    const { seen, problems } = await readAll(stream, 1);
    expect(seen).toEqual(["1"]);
    expect(problems).toEqual(["The stream arn:stream: connection refused"]);
  });
});
