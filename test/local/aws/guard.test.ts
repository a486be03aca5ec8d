import { once } from "node:events";
import { existsSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { WebSocket } from "ws";
import { addressesFor } from "../../../local/aws/addresses";
import { BLOCKED_PORTS } from "../../../local/aws/engine/engine-address";
import { type LocalRuntime, startLocalRuntime } from "../../../local/aws/runtime";
import { type OpenPort, openPorts } from "./ports";

const assemblyDirectory = join(__dirname, "fixture");
const ALIAS = "host.docker.internal";

/** Headers that a browser sends for another site's page, or for a name that another site resolves to this machine. */
const ATTACKS: [string, Record<string, string | string[]>][] = [
  ["a foreign origin", { Origin: "https://evil.example" }],
  ["an origin without a name", { Origin: "null" }],
  ["an empty origin", { Origin: "" }],
  ["a page on another port", { Origin: "http://127.0.0.1:1" }],
  ["a page by another of this machine's names", { Origin: "http://localhost.evil.example" }],
  ["a name that only begins like this machine's", { Origin: "http://127.0.0.1.evil.example" }],
  ["two origins", { Origin: "http://127.0.0.1, https://evil.example" }],
  ["an extension", { Origin: "chrome-extension://abcdefghijklmnop" }],
  ["a file", { Origin: "file://" }],
  ["a request across sites", { "Sec-Fetch-Site": "cross-site" }],
  ["a request within a site", { "Sec-Fetch-Site": "same-site" }],
  ["an image", { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image" }],
  [
    "a frame",
    { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe" },
  ],
  ["a site whose name leads here", { Host: "evil.example" }],
  ["the same with a port", { Host: "evil.example:8787" }],
  ["a name that begins like this machine's", { Host: "localhost.evil.example" }],
  ["a name that ends like this machine's", { Host: "evil-localhost" }],
  ["an address in another's name", { Host: "127.0.0.1.evil.example" }],
  ["another machine's address", { Host: "8.8.8.8" }],
  ["no machine's address", { Host: "0.0.0.0" }],
  ["a name with a user", { Host: "localhost@evil.example" }],
  ["an empty name", { Host: "" }],
  ["two names", { Host: ["localhost", "evil.example"] }],
];

/** Requests that the runtime's ports handle. */
const TARGETS: [string, string, string, Record<string, string>][] = [
  ["the page", "GET", "/", {}],
  ["a sign-in", "POST", "/sign-in", { "Content-Type": "application/json" }],
  ["a connection's end", "DELETE", "/test/@connections/x", { Authorization: "AWS4-HMAC-SHA256 x" }],
  ["an event", "POST", "/_aws/events", { "X-Amz-Target": "AWSEvents.PutEvents" }],
  ["the tables", "POST", "/", { "X-Amz-Target": "DynamoDB_20120810.ListTables" }],
  [
    "a preflight",
    "OPTIONS",
    "/",
    { "Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true" },
  ],
];

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

function ask(
  { address, port }: OpenPort,
  method: string,
  path: string,
  headers: Record<string, string | string[]>,
): Promise<Answer> {
  const { Host, ...rest } = { Host: `127.0.0.1:${port}`, ...headers };
  const pairs = Object.entries({ Host, ...rest }).flatMap(([name, value]) =>
    [value].flat().flatMap((each) => [name, each]),
  );
  return new Promise((resolve, reject) => {
    const asked = request({ host: address, port, method, path, setHost: false, headers: pairs });
    asked.on("error", reject);
    asked.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    asked.end(method === "POST" ? "{}" : undefined);
  });
}

/** The status of a refused handshake, or 101. */
async function connect(
  { address, port }: OpenPort,
  headers: Record<string, string | string[]>,
  path = "/test",
) {
  const host = address.includes(":") ? `[${address}]` : address;
  const socket = new WebSocket(`ws://${host}:${port}${path}`, {
    headers: { "x-user": "ann", ...headers },
  });
  const refused = once(socket, "unexpected-response").then(([, { statusCode }]) => statusCode);
  const status = await Promise.race([once(socket, "open").then(() => 101), refused]);
  socket.on("error", () => {}).terminate();
  return status as number;
}

(existsSync("/proc/net/tcp") ? describe : describe.skip)("the runtime's ports", () => {
  let runtime: LocalRuntime;
  let guarded: OpenPort[];
  /** Of a function URL. */
  let functionUrl: OpenPort[];
  let unreachable: OpenPort[];
  beforeAll(async () => {
    const before = new Set(openPorts(process.pid).map((port) => JSON.stringify(port)));
    runtime = await startLocalRuntime({ assemblyDirectory, hosts: [ALIAS], schedules: false });
    const opened = openPorts(process.pid).filter((port) => !before.has(JSON.stringify(port)));
    unreachable = opened.filter(({ port }) => BLOCKED_PORTS.includes(port));
    const { port: urlPort } = new URL(runtime.outputs.HttpUrl as string);
    functionUrl = opened.filter(({ port }) => port === Number(urlPort));
    guarded = opened.filter(
      ({ port }) => !BLOCKED_PORTS.includes(port) && port !== Number(urlPort),
    );
  });
  afterAll(() => runtime.stop());

  it("are on loopback addresses, and the only one without a guard is a port that browsers block", () => {
    expect(guarded.length).toBeGreaterThan(0);
    expect(unreachable).toHaveLength(1);
    expect(functionUrl.map(({ address }) => address).sort()).toEqual(
      guarded.map(({ address }) => address).sort(),
    );
    for (const { address } of [...guarded, ...unreachable]) expect(address).toMatch(/^127\.|^::1$/);
    expect(new Set(guarded.map(({ port }) => port)).size).toBe(1);
    expect(unreachable[0]?.address).not.toBe("127.0.0.1");
  });

  it.each(ATTACKS)("reveal nothing to %s", async (_, attack) => {
    for (const port of [...guarded, ...functionUrl]) {
      for (const [what, method, path, headers] of TARGETS) {
        const answer = await ask(port, method, path, { ...headers, ...attack });
        expect([what, answer.status < 400 ? answer.status : "refused"]).toEqual([what, "refused"]);
        const cors = Object.keys(answer.headers).filter((name) =>
          name.startsWith("access-control"),
        );
        expect(cors).toEqual([]);
      }
      const [[name = "", value] = []] = Object.entries(attack);
      // Browsers always send the connecting page's origin, and pages can't add headers.
      if (
        !/^sec-fetch/i.test(name) &&
        typeof value === "string" &&
        value !== "" &&
        !/:1$/.test(value)
      ) {
        expect(await connect(port, attack)).not.toBe(101);
      }
    }
  });

  it("refuse an absolute URL in place of a path", async () => {
    for (const port of [...guarded, ...functionUrl]) {
      expect((await ask(port, "GET", "http://evil.example/", {})).status).toBe(403);
    }
  });

  it.each([
    ["localhost", "localhost"],
    ["LOCALHOST", "localhost"],
    ["localhost.", "localhost."],
    ["agents.localhost", "agents.localhost"],
    ["127.0.0.1", "127.0.0.1"],
    ["127.1.2.3", "127.1.2.3"],
    ["[::1]", "[::1]"],
    ["[0:0:0:0:0:0:0:1]", "[0:0:0:0:0:0:0:1]"],
    ["[::1%lo]", "[::1]"],
    ["[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]"],
    [hostname(), hostname()],
    [ALIAS, ALIAS],
    [ALIAS.toUpperCase(), ALIAS],
  ])("answer programs and their own page by the name %s, on any mapped port", async (name, own) => {
    const tables = {
      "X-Amz-Target": "DynamoDB_20120810.ListTables",
      "X-Amz-Date": "20260101T000000Z",
      "Content-Type": "application/x-amz-json-1.0",
      Authorization:
        "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
    };
    for (const port of guarded) {
      for (const mapped of ["", ":9000"]) {
        const Host = `${name}${mapped}`;
        const page = { "Sec-Fetch-Site": "same-origin", Origin: `http://${own}${mapped}` };
        const answers = [
          await ask(port, "POST", "/", { ...tables, Host }),
          await ask(port, "POST", "/", { ...tables, Host, ...page }),
        ];
        for (const { status, body } of answers) {
          expect(status).toBe(200);
          expect(JSON.parse(body).TableNames).toContain("Fixture-Items");
        }
        expect(await connect(port, { Host })).toBe(101);
        expect(await connect(port, { Host, Origin: "http://localhost:5173" })).toBe(101);
      }
    }
  });

  it("answer programs at a function URL by each name, and no WebSocket", async () => {
    for (const port of functionUrl) {
      for (const Host of ["localhost", "127.0.0.1:9000", "[::1]", ALIAS]) {
        const { status, body } = await ask(port, "POST", "/", { Host });
        expect([status, JSON.parse(body).requestContext.domainName]).toEqual([200, Host]);
      }
      expect(await connect(port, {})).toBe(400);
    }
  });

  it("allow a link to the page, and to nothing else", async () => {
    const link = {
      "Sec-Fetch-Site": "cross-site",
      "Sec-Fetch-Mode": "navigate",
      "Sec-Fetch-Dest": "document",
    };
    const [port] = guarded as [OpenPort];
    // The template of this test has no page.
    expect((await ask(port, "GET", "/", link)).body).toBe('{"message":"Forbidden"}');
    expect((await ask(port, "POST", "/", link)).body).toContain("Sec-Fetch-Site");
  });

  it("accept the stage's path with a trailing slash", async () => {
    const [port] = guarded as [OpenPort];
    expect(await connect(port, {}, "/test/")).toBe(101);
    expect(await connect(port, {}, "/test/other")).toBe(403);
  });
});

describe("a runtime with --host", () => {
  it.each([
    [[], ["127.0.0.1", "::1"]],
    [["build.example"], ["127.0.0.1", "::1"]],
    [["0.0.0.0"], ["0.0.0.0", "::1"]],
    [["::"], ["::"]],
    [["[::]", "name"], ["::"]],
    [
      ["127.0.0.1", "172.17.0.1", "name"],
      ["127.0.0.1", "::1", "172.17.0.1"],
    ],
    [["fd00::1"], ["127.0.0.1", "::1", "fd00::1"]],
  ])("set to %j listens on %j", (hosts, addresses) =>
    expect(addressesFor(hosts)).toEqual(addresses),
  );

  it("answers on its addresses, and only by the given names", async () => {
    const own = Object.values(networkInterfaces())
      .flat()
      .find((each) => each?.family === "IPv4" && !each.internal)?.address;
    const runtime = await startLocalRuntime({
      assemblyDirectory,
      hosts: ["0.0.0.0"],
      schedules: false,
    });
    try {
      const port = Number(new URL(runtime.webSocketUrl).port);
      for (const address of ["127.0.0.1", ...(own ? [own] : [])]) {
        expect(await connect({ address, port }, {})).toBe(101);
        expect(await connect({ address, port }, { Host: "evil.example" })).toBe(403);
      }
    } finally {
      await runtime.stop();
    }
  });

  it("reports in one sentence that an address belongs to another machine", async () => {
    const other = startLocalRuntime({ assemblyDirectory, hosts: ["192.0.2.1"] });
    await expect(other).rejects.toThrow(/^Cannot listen on port \d+: .*192\.0\.2\.1/);
  });
});
