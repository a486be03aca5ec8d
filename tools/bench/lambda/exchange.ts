/** A fake AWS endpoint that records a function's calls and replays their responses. */

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A call of a function and its response. */
export interface Exchange {
  /** `DynamoDB.GetItem`, `EventBridge.PutEvents`, `Connections.POST` */
  call: string;
  input: string;
  path: string;
  status: number;
  output: string;
}

export class Exchanges {
  readonly #server = createServer((incoming, outgoing) => void this.#serve(incoming, outgoing));
  #recording: Exchange[] | undefined;
  #replay = new Map<string, Exchange[]>();
  #byInput = new Map<string, Exchange>();
  #unknown: string | undefined;

  /** @param dynamoDbEndpoint the engine that answers during recording */
  constructor(private readonly dynamoDbEndpoint: string) {}

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  record(): void {
    this.#recording = [];
  }

  /** The calls since `record` or the last `take`. */
  take(): Exchange[] {
    return this.#recording?.splice(0) ?? [];
  }

  /**
   * Replays recorded responses: matched by input, or by order of calls of the same kind where the
   * input contains a time or a random id.
   */
  replay(exchanges: readonly Exchange[]): void {
    this.#recording = undefined;
    this.#replay = new Map();
    this.#byInput = new Map(exchanges.map((one) => [keyOf(one.call, one.input), one]));
    for (const exchange of exchanges) {
      const queue = this.#replay.get(exchange.call) ?? [];
      this.#replay.set(exchange.call, queue);
      queue.push(exchange);
    }
    for (const queue of this.#replay.values()) queue.reverse();
  }

  /** @throws Error if a call was made that was not recorded */
  expectSame(): void {
    if (this.#unknown !== undefined) throw new Error(`the call ${this.#unknown} was not recorded`);
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const [input, path] = [Buffer.concat(chunks).toString(), incoming.url ?? "/"];
    const target = String(incoming.headers["x-amz-target"] ?? "");
    const call = nameOf(target, incoming.method ?? "");
    if (!this.#recording) {
      const queue = this.#replay.get(call) ?? [];
      const exchange =
        this.#byInput.get(keyOf(call, input)) ?? (queue.length > 1 ? queue.pop() : queue[0]);
      if (exchange) return answer(outgoing, exchange.status, exchange.output);
      this.#unknown = call;
      return answer(outgoing, 400, `{"message":"no recorded response for ${call}"}`);
    }
    const { status, output } = target.startsWith("DynamoDB")
      ? await this.#ask(incoming, input)
      : fixedAnswer(call, input);
    this.#recording.push({ call, input, path, status, output });
    answer(outgoing, status, output);
  }

  async #ask(incoming: IncomingMessage, body: string): Promise<{ status: number; output: string }> {
    const { host: _, ...headers } = incoming.headers;
    const asked = request(this.dynamoDbEndpoint, { method: "POST", headers });
    asked.end(body);
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode ?? 500, output: Buffer.concat(chunks).toString() };
  }
}

const keyOf = (call: string, input: string) => `${call} ${input}`;

function nameOf(target: string, method: string): string {
  if (target.startsWith("DynamoDB")) return `DynamoDB.${target.split(".")[1]}`;
  if (target.startsWith("AWSEvents")) return `EventBridge.${target.split(".")[1]}`;
  return `Connections.${method}`;
}

function fixedAnswer(call: string, input: string): { status: number; output: string } {
  if (call !== "EventBridge.PutEvents") return { status: 200, output: "" };
  const { Entries } = JSON.parse(input) as { Entries: unknown[] };
  const output = { FailedEntryCount: 0, Entries: Entries.map(() => ({ EventId: "event" })) };
  return { status: 200, output: JSON.stringify(output) };
}

function answer(outgoing: ServerResponse, status: number, output: string): void {
  outgoing
    .writeHead(status, {
      "content-type": "application/x-amz-json-1.0",
      "content-length": Buffer.byteLength(output),
    })
    .end(output);
}
