import { SendMessageBatchCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { listen } from "../../local/aws/http";
import { type Queues, startQueues } from "../../local/aws/queues/queues";
import { sqsApi } from "../../local/aws/queues/sqs-api";
import type { QueueDescription, QueueMappingDescription } from "../../local/aws/resources/queue";
import { FakeClock } from "../../testing/local-clock";

const WORK: QueueDescription = {
  logicalId: "Work",
  url: "https://sqs.us-east-1.amazonaws.com/000000000000/work",
  arn: "arn:aws:sqs:us-east-1:000000000000:work",
  delayMs: 0,
  visibilityMs: 30_000,
  retentionMs: 120_000,
  deadLetters: undefined,
};
const DEAD: QueueDescription = {
  ...WORK,
  logicalId: "Dead",
  url: WORK.url.replace("work", "dead"),
  arn: WORK.arn.replace("work", "dead"),
};
const MAPPING: QueueMappingDescription = {
  logicalId: "Mapping",
  queueArn: WORK.arn,
  functionName: "worker",
  batchSize: 10,
  concurrency: 2,
  reportsItemFailures: false,
};

type Batch = { Records: { body: string; messageId: string; attributes: Record<string, string> }[] };

/** Everything that is done without a timer is done. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("a queue with a mapping", () => {
  let clock: FakeClock;
  let batches: string[][];
  let records: Batch["Records"];
  let problems: string[];
  let answer: (batch: Batch) => unknown;
  beforeEach(() => {
    clock = new FakeClock();
    batches = [];
    records = [];
    problems = [];
    answer = () => undefined;
  });

  function start(
    work: Partial<QueueDescription> = {},
    mapping: Partial<QueueMappingDescription> = {},
  ): Queues {
    return startQueues(
      { queues: [{ ...WORK, ...work }, DEAD], queueMappings: [{ ...MAPPING, ...mapping }] },
      {
        clock,
        region: "us-east-1",
        report: (problem) => problems.push(problem),
        functionOf: () => ({
          invoke: async (event) => {
            const batch = event as Batch;
            records.push(...batch.Records);
            batches.push(batch.Records.map(({ body }) => body));
            return answer(batch);
          },
        }),
      },
    );
  }

  it("hands on a message when its delay is over, once", async () => {
    const queue = start().at(WORK.url);
    queue?.send("late", 20_000);
    queue?.send("now");
    await settled();
    clock.advance(19_999);
    expect(batches).toEqual([["now"]]);
    clock.advance(1);
    await settled();
    clock.advance(1_000_000);
    await settled();
    expect(batches).toEqual([["now"], ["late"]]);
    expect(queue?.size).toBe(0);
    expect(records[1]).toMatchObject({
      eventSource: "aws:sqs",
      eventSourceARN: WORK.arn,
      attributes: { ApproximateReceiveCount: "1" },
    });
  });

  it("gives no more batches at once than it may, and what waited together", async () => {
    const release: (() => void)[] = [];
    answer = () => new Promise<void>((resolve) => release.push(resolve));
    const queue = start().at(WORK.url);
    for (const body of ["1", "2", "3", "4"]) queue?.send(body);
    await settled();
    expect(batches).toEqual([["1"], ["2"]]);
    release[0]?.();
    await settled();
    expect(batches).toEqual([["1"], ["2"], ["3", "4"]]);
  });

  it("gives a message again after a failure, once it is visible, until it is too old", async () => {
    answer = () => Promise.reject(new Error("broken"));
    const queue = start({ visibilityMs: 50_000 }).at(WORK.url);
    queue?.send("a");
    await settled();
    for (let second = 0; second < 200; second++) {
      clock.advance(1000);
      await settled();
    }
    expect(batches).toEqual([["a"], ["a"], ["a"]]);
    expect(problems[0]).toBe("The mapping Mapping: broken");
    expect(queue?.size).toBe(0);
  });

  it("deletes what a function took of a batch, and gives the rest again", async () => {
    answer = ({ Records }) => ({
      batchItemFailures:
        batches.length > 1
          ? []
          : [{ itemIdentifier: Records.find((r) => r.body === "b")?.messageId }],
    });
    const queue = start({ delayMs: 1000 }, { reportsItemFailures: true }).at(WORK.url);
    queue?.send("b");
    clock.advance(1000);
    await settled();
    expect(batches).toEqual([["b"]]);
    clock.advance(30_000);
    await settled();
    expect(batches).toEqual([["b"], ["b"]]);
    expect(queue?.size).toBe(0);
  });

  it("puts a message that failed too often into its dead-letter queue", async () => {
    answer = () => Promise.reject(new Error("broken"));
    const deadLetters = { queueArn: DEAD.arn, maxReceives: 2 };
    const queues = start({ deadLetters });
    queues.at(WORK.url)?.send("a");
    for (let minute = 0; minute < 3; minute++) {
      await settled();
      clock.advance(30_000);
    }
    await settled();
    expect(batches).toEqual([["a"], ["a"]]);
    expect(queues.at(DEAD.url)?.receive(1)).toMatchObject([{ body: "a" }]);
  });

  it("says which queue is not there", () => {
    expect(() => start({}, { queueArn: "arn:aws:sqs:other" })).toThrow(
      "Mapping: expected a queue of the template, got arn:aws:sqs:other",
    );
  });

  describe("through the API", () => {
    let sqs: SQSClient;
    let stop: () => void;
    let queues: Queues;
    let host: string;
    const QueueUrl = () => `${host}/000000000000/work`;
    beforeEach(async () => {
      queues = start({}, { queueArn: DEAD.arn });
      const { server, port } = await listen(0);
      const api = sqsApi(queues.at);
      server.on("request", (request, response) => api(request, response));
      host = `http://127.0.0.1:${port}`;
      sqs = new SQSClient({
        endpoint: host,
        region: "us-east-1",
        credentials: { accessKeyId: "local", secretAccessKey: "local" },
      });
      stop = () => {
        sqs.destroy();
        server.close();
        server.closeAllConnections();
      };
    });
    afterEach(() => stop());
    const taken = () =>
      queues
        .at(WORK.url)
        ?.receive(10)
        .map(({ body }) => body);

    it("takes messages one by one and in batches, with their delays", async () => {
      await sqs.send(new SendMessageCommand({ QueueUrl: QueueUrl(), MessageBody: "one" }));
      const { Successful, Failed } = await sqs.send(
        new SendMessageBatchCommand({
          QueueUrl: QueueUrl(),
          Entries: [
            { Id: "0", MessageBody: "two" },
            { Id: "1", MessageBody: "three", DelaySeconds: 10 },
            { Id: "2", MessageBody: "four", DelaySeconds: 901 },
          ],
        }),
      );
      expect(Successful?.map(({ Id }) => Id)).toEqual(["0", "1"]);
      expect(Failed).toMatchObject([
        { Id: "2", Message: expect.stringContaining("0 to 900, got 901") },
      ]);
      expect(taken()).toEqual(["one", "two"]);
      clock.advance(10_000);
      expect(taken()).toEqual(["three"]);
    });

    it("refuses what SQS refuses", async () => {
      const missing = QueueUrl().replace("work", "none");
      const send = (command: SendMessageCommand | SendMessageBatchCommand) =>
        sqs.send(command as never);
      await expect(
        send(new SendMessageCommand({ QueueUrl: missing, MessageBody: "a" })),
      ).rejects.toMatchObject({ name: "QueueDoesNotExist" });
      await expect(
        send(new SendMessageBatchCommand({ QueueUrl: QueueUrl(), Entries: [] })),
      ).rejects.toThrow("Expected 1 to 10 Entries, got 0");
      await expect(
        send(new SendMessageCommand({ QueueUrl: QueueUrl(), MessageBody: "" })),
      ).rejects.toThrow("The parameter MessageBody is missing or empty");
    });
  });
});
