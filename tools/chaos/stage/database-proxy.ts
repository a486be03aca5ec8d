/** A proxy between the functions and the database that injects faults. */

import { once } from "node:events";
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** Operations that create tables and find streams. A deployment runs them once, so they never fail. */
const SPARED = /\.(CreateTable|DescribeTable|UpdateTimeToLive|DescribeStream|GetShardIterator)$/;
const READS = /\.(GetItem|Query|Scan|BatchGetItem|GetRecords)$/;
const WRITES = /\.(PutItem|UpdateItem|DeleteItem|BatchWriteItem)$/;

const THROTTLED = [
  "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
  "com.amazon.coral.availability#ThrottlingException",
] as const;
const FAILED = "com.amazonaws.dynamodb.v20120810#InternalServerError";

/** The current faults. Each share is of all calls, from 0 to 1. */
export interface DatabaseFaults {
  throttledShare: number;
  failedShare: number;
  /** Writes that succeed, but whose responses are lost. */
  lostAnswersShare: number;
  readDelayMs: number;
  /** As on a full disk. */
  writesFail: boolean;
}

const WELL: DatabaseFaults = {
  throttledShare: 0,
  failedShare: 0,
  lostAnswersShare: 0,
  readDelayMs: 0,
  writesFail: false,
};

export class DatabaseProxy {
  faults: DatabaseFaults = { ...WELL };
  /** Changes the body of a request before it is forwarded. */
  rewrite: (operation: string, body: Buffer) => Buffer = (_, body) => body;
  /** The database's endpoint; null while it is down. */
  target: string | null;
  readonly #agent = new Agent({ keepAlive: true });

  private constructor(
    private readonly server: Server,
    target: string,
    private readonly random: () => number,
  ) {
    this.target = target;
    server.on("request", (incoming, outgoing) => void this.#serve(incoming, outgoing));
    server.on("clientError", (_, socket) => socket.destroy());
  }

  static async start(target: string, random: () => number): Promise<DatabaseProxy> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new DatabaseProxy(server, target, random);
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  heal(): void {
    this.faults = { ...WELL };
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
    this.#agent.destroy();
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const operation = String(incoming.headers["x-amz-target"]);
    const chunks: Buffer[] = [];
    incoming.on("error", () => {});
    outgoing.on("error", () => {});
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { throttledShare, failedShare, lostAnswersShare, readDelayMs, writesFail } = this.faults;
    const spared = SPARED.test(operation);
    if (!spared && this.random() < throttledShare) {
      return refuse(outgoing, 400, THROTTLED[this.random() < 0.5 ? 0 : 1]);
    }
    const full = writesFail && WRITES.test(operation);
    if (full || (!spared && this.random() < failedShare)) return refuse(outgoing, 500, FAILED);
    if (READS.test(operation) && readDelayMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, readDelayMs));
    }
    const loses = WRITES.test(operation) && this.random() < lostAnswersShare;
    this.#forward(incoming, this.rewrite(operation, Buffer.concat(chunks)), outgoing, loses);
  }

  #forward(
    incoming: IncomingMessage,
    body: Buffer,
    outgoing: ServerResponse,
    loses: boolean,
  ): void {
    if (this.target === null) {
      refuse(outgoing, 500, FAILED);
      return;
    }
    const { method } = incoming;
    const headers = { ...incoming.headers, "content-length": String(body.length) };
    const forwarded = request(this.target, { method, headers, agent: this.#agent }, (answer) => {
      answer.on("error", () => outgoing.destroy());
      if (loses) {
        answer.resume().on("end", () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on("error", () => outgoing.destroy());
    forwarded.end(body);
  }
}

function refuse(outgoing: ServerResponse, status: number, type: string): void {
  outgoing.writeHead(status, { "Content-Type": "application/x-amz-json-1.0" });
  outgoing.end(JSON.stringify({ __type: type, message: "chaos" }));
}
