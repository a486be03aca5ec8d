/** SQS's API, as far as functions call it: sending, in the AWS JSON 1.0 protocol. */

import { type HttpHandler, readBody, respond } from "../http";
import { md5Of } from "./mapping";
import type { LocalQueue } from "./queue";

const MAX_ENTRIES = 10;
const MAX_BYTES = 1024 * 1024;
const MAX_DELAY_SECONDS = 900;

interface Entry {
  Id?: string;
  MessageBody?: string;
  DelaySeconds?: number;
}

/** A request is known by its operation, for its path says nothing. @param queueOf finds a queue by its URL */
export function sqsApi(queueOf: (url: unknown) => LocalQueue | undefined): HttpHandler {
  return (request, response) => {
    const target = String(request.headers["x-amz-target"] ?? "");
    if (!target.startsWith("AmazonSQS.")) return false;
    const fail = (code: string, message: string) =>
      respond(response, 400, { __type: `com.amazonaws.sqs#${code}`, message });
    void (async () => {
      const operation = OPERATIONS[target.slice("AmazonSQS.".length)];
      if (!operation) {
        const known = Object.keys(OPERATIONS).join(" or ");
        return fail("UnsupportedOperation", `Expected ${known}, got ${target}`);
      }
      const input = parse(await readBody(request, MAX_BYTES));
      const queue = queueOf(input.QueueUrl);
      if (!queue) return fail("QueueDoesNotExist", "The specified queue does not exist.");
      const result = operation(queue, input);
      return isProblem(result)
        ? fail("InvalidParameterValue", result.problem)
        : respond(response, 200, result);
    })();
    return true;
  };
}

interface Problem {
  problem: string;
}
type Result = Record<string, unknown> | Problem;

const isProblem = (result: Result): result is Problem => "problem" in result;

const OPERATIONS: Record<string, (queue: LocalQueue, input: Record<string, unknown>) => Result> = {
  SendMessage: (queue, input) => send(queue, input as Entry),
  SendMessageBatch: (queue, { Entries }) => {
    const entries = (Array.isArray(Entries) ? Entries : []) as Entry[];
    if (entries.length === 0 || entries.length > MAX_ENTRIES) {
      return { problem: `Expected 1 to ${MAX_ENTRIES} Entries, got ${entries.length}` };
    }
    const results = entries.map((entry) => ({ Id: entry.Id, ...send(queue, entry) }));
    return {
      Successful: results.filter((result) => !("problem" in result)),
      Failed: results.flatMap((result) =>
        "problem" in result
          ? [
              {
                Id: result.Id,
                SenderFault: true,
                Code: "InvalidParameterValue",
                Message: result.problem,
              },
            ]
          : [],
      ),
    };
  },
};

function send(queue: LocalQueue, { MessageBody, DelaySeconds }: Entry): Result {
  if (!MessageBody) return { problem: "The parameter MessageBody is missing or empty" };
  if (DelaySeconds !== undefined && !(DelaySeconds >= 0 && DelaySeconds <= MAX_DELAY_SECONDS)) {
    return { problem: `DelaySeconds: expected 0 to ${MAX_DELAY_SECONDS}, got ${DelaySeconds}` };
  }
  const { id } = queue.send(
    MessageBody,
    DelaySeconds === undefined ? undefined : DelaySeconds * 1000,
  );
  return { MessageId: id, MD5OfMessageBody: md5Of(MessageBody) };
}

function parse(body: string | undefined): Record<string, unknown> {
  try {
    return JSON.parse(body ?? "") as Record<string, unknown>;
  } catch {
    return {};
  }
}
