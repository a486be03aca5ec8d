/** Checks that AWS calls end, whatever the server does, and that the whole repository uses such clients. */

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { afterEach, describe, expect, it } from "@jest/globals";
import { boundedClient } from "../../core/aws-client";

const ROOT = join(__dirname, "../..");
const LIMITS = { attempts: 2, attemptMs: 100 };
const HEADERS = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n";

/** What a server does with a socket after it has received data. */
type Behaviour = (socket: Socket) => void;

const BEHAVIOURS: [string, "http" | "https", Behaviour][] = [
  ["never answers", "http", () => {}],
  ["never completes the handshake", "https", () => {}],
  ["stops in the middle of the headers", "http", (socket) => socket.write("HTTP/1.1 200 OK\r\nCo")],
  ["answers with headers alone", "http", (socket) => socket.write(`${HEADERS}\r\n`)],
  [
    "stalls in the middle of the body",
    "http",
    (socket) => socket.write(`${HEADERS}Content-Length: 1000\r\n\r\n{"Item":`),
  ],
  [
    "sends a byte now and then, and never stops",
    "http",
    (socket) => {
      socket.write(`${HEADERS}Transfer-Encoding: chunked\r\n\r\n`);
      const timer = setInterval(() => socket.write("1\r\n \r\n"), 5);
      socket.on("close", () => clearInterval(timer));
    },
  ],
];

describe("a call to a server that", () => {
  let server: Server;
  let client: DynamoDBClient;

  afterEach(async () => {
    client.destroy();
    server.close();
    await once(server, "close");
  });

  async function listen(scheme: string, behave: Behaviour) {
    const closed: Promise<unknown>[] = [];
    server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => behave(socket));
      // Not by `once`, which an error that comes before rejects.
      closed.push(new Promise((resolve) => socket.on("close", resolve)));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    client = boundedClient(
      DynamoDBClient,
      {
        endpoint: `${scheme}://127.0.0.1:${port}`,
        region: "us-east-1",
        credentials: { accessKeyId: "local", secretAccessKey: "local" },
      },
      LIMITS,
    );
    return closed;
  }

  const call = () => client.send(new GetItemCommand({ TableName: "T", Key: { id: { S: "1" } } }));

  it.each(BEHAVIOURS)("%s is retried, ends, and leaves no connection", async (_, ...given) => {
    const closed = await listen(...given);
    await expect(call()).rejects.toMatchObject({ name: "TimeoutError" });
    expect(closed).toHaveLength(LIMITS.attempts);
    await Promise.all(closed);
  });

  it("answers in time is not interrupted, and its connection is reused", async () => {
    const answer = `${HEADERS}Content-Length: 2\r\n\r\n{}`;
    const closed = await listen("http", (socket) => {
      socket.write(answer);
      socket.on("data", () => socket.write(answer));
    });
    await call();
    await call();
    expect(closed).toHaveLength(1);
    client.destroy();
    await Promise.all(closed);
  });
});

describe("the repository's AWS clients", () => {
  /** Tests use their own engine; `local/aws` shares no code with the product. */
  const EXEMPT = /^(test|testing)\/|^local\/aws\/runtime\.ts$|^core\/aws-client\.ts$/;

  it("all limit the duration of their calls", () => {
    const files = execFileSync("git", ["ls-files", "*.ts", "*.tsx", "*.mts", "*.mjs"], {
      cwd: ROOT,
      encoding: "utf8",
    });
    const offenders = files
      .split("\n")
      .filter((file) => file !== "" && !EXEMPT.test(file))
      .filter((file) => {
        const text = readFileSync(join(ROOT, file), "utf8");
        return text.includes("@aws-sdk/client-") && /\bnew \w+Client\(/.test(text);
      });
    expect(offenders).toEqual([]);
  });
});
