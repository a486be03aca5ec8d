/** The command line with hostile rows, records and files. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { agentRecordId } from "../../core/registry-record";
import { HistoryStore } from "../../lambda/history/store";
import {
  folderWithOutputs,
  localFolder,
  type RunOptions,
  type RunResult,
  run,
} from "../../testing/cli/run";
import { type Engine, startEngine } from "../../testing/engine";
import { runs } from "../../testing/fuzz/runs";
import { binaryText, HOSTILE_TEXTS, hostileText, hostileValue } from "../../testing/fuzz/values";
import { keep } from "../../testing/history";
import { putAgent, testKey } from "../../testing/login";
import { onlineRow, putRows } from "../../testing/status-rows";

/** Escape sequences, and marks that change the writing direction. */
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the colours that the command itself prints
const COLOURS = /\u001b\[\d{1,2}m/g;

/** A right-to-left text within isolating marks. */
const ISOLATED = /\u2068([^\u2066-\u2069]*)\u2069/g;

let engine: Engine;
let cwd: string;
beforeAll(async () => {
  engine = await startEngine();
  cwd = await localFolder(engine);
});
afterAll(() => engine.stop());

/** Checks that an output contains no escape sequences and no stack trace. */
function expectTame({ stdout, stderr }: RunResult): void {
  for (const text of [stdout, stderr]) {
    for (const line of text.replace(COLOURS, "").replace(ISOLATED, "$1").split("\n")) {
      expect(line).not.toMatch(STEERING);
      expect(line).not.toMatch(/^\s+at /);
    }
  }
}

describe("texts from agents", () => {
  const text = HOSTILE_TEXTS.map((each) => each.slice(0, 60)).filter((each) => each !== "");

  beforeAll(async () => {
    const now = Date.now();
    const rows = text.map((hostile, index) =>
      onlineRow(now, {
        agentId: `a${index}`,
        instanceId: hostile.toWellFormed(),
        activity: {
          state: "working",
          task: hostile.toWellFormed(),
          note: hostile.toWellFormed(),
          startedAt: 8_640_000_000_000_000,
        },
      }),
    );
    await putRows(engine.client, engine.statusTableName, rows);
    const key = await testKey();
    const history = new HistoryStore(engine.client, engine.registryTableName);
    for (const [index, hostile] of text.entries()) {
      const agentId = `a${index}`;
      await putAgent(engine.client, engine.registryTableName, [key], {
        agentId,
        description: hostile.toWellFormed(),
        profile: {
          capabilities: [hostile.toWellFormed()],
          metadata: JSON.stringify({ [hostile]: hostile, deep: { [hostile]: [hostile] } }),
        },
      });
      await keep(history, {
        transitionId: `t${index}`,
        organizationId: "acme",
        agentId,
        event: "offline",
        reason: hostile.toWellFormed() as never,
        at: now,
        connectionId: hostile.toWellFormed(),
        instanceId: hostile.toWellFormed(),
      } as never);
    }
  });

  const terminal: RunOptions = { isTTY: true, columns: 100 };
  const show = (args: string[], options = terminal) =>
    run([...args, "--local", "-o", "acme"], { cwd, ...options });

  it.each([[["status"]], [["agents", "list"]], [["events", "--limit", "100"]]])(
    "can't control the terminal in the output of %j",
    async (args) => {
      const result = await show(args);
      expect(result.code).toBe(0);
      expectTame(result);
      expect(result.stdout.split("\n").length).toBeGreaterThan(text.length);
    },
  );

  it("can't control the terminal in one agent's status, record or explanation", async () => {
    for (const index of text.keys()) {
      for (const args of [
        ["status", `a${index}`],
        ["why", `a${index}`],
        ["agents", "get", "--agent", `a${index}`],
      ]) {
        const result = await show(args);
        expect(result).toMatchObject({ code: 0, stderr: "" });
        expectTame(result);
      }
    }
  });

  it.each([[["status"]], [["agents", "list"]]])(
    "are unchanged in the JSON of %j, which can't control the terminal either",
    async (args) => {
      const result = await show([...args, "--json"]);
      expectTame(result);
      const listed = JSON.stringify(JSON.parse(result.stdout));
      for (const hostile of text) {
        expect(listed).toContain(JSON.stringify(hostile.toWellFormed()).slice(1, -1));
      }
    },
  );

  it("do not affect the colours that the command itself adds", async () => {
    const { stdout } = await show(["status", "a0"]);
    expect(stdout).toContain("\u001b[32monline\u001b[39m");
  });
});

describe("a hostile file", () => {
  /** Arbitrary content, and content that is partly valid. */
  const hostileFile = (good: string) =>
    fc.oneof(
      hostileText,
      binaryText(300),
      fc.json(),
      fc
        .tuple(fc.nat({ max: good.length }), hostileText)
        .map(([at, text]) => good.slice(0, at) + text + good.slice(at)),
      fc.nat({ max: good.length }).map((at) => good.slice(0, at)),
      fc.constantFrom(
        "[".repeat(100_000),
        '{"a":'.repeat(50_000),
        `"${"x".repeat(100_000)}`,
        good.repeat(50),
      ),
    );

  /** Checks that an error is one sentence and a hint, whatever the file contains. */
  function expectExplained(result: RunResult): void {
    expectTame(result);
    expect([0, 1, 2, 4]).toContain(result.code);
    if (result.code === 0) return;
    expect(result.stdout).toBe("");
    expect(result.stderr).toMatch(/^error: /);
    expect(result.stderr.length).toBeLessThan(2000);
  }

  async function judge(file: string, content: string, args: string[]): Promise<RunResult> {
    await writeFile(join(cwd, file), content);
    const { signal } = new AbortController();
    const result = await run([...args, "--local", "-o", "files"], { cwd, signal });
    expectExplained(result);
    return result;
  }

  const registered = async () => {
    const { stdout } = await run(["agents", "list", "--json", "--local", "-o", "files"], { cwd });
    return JSON.parse(stdout);
  };

  it("of agents is imported completely or not at all", async () => {
    const jwk = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}';
    const good = [
      `[{"agentId":"a1","role":"viewer","description":"d","publicKey":${jwk}}]`,
      `[{"agentId":"a1","enabled":true,"publicKeys":[{"jwk":${jwk}}]}]`,
      "agentId,role,publicKeyFile\na1,viewer,k1.pem.pub\n",
    ];
    const property = fc.asyncProperty(
      fc.oneof(
        ...good.map(hostileFile),
        fc
          .array(
            fc.dictionary(
              fc.constantFrom("agentId", "role", "publicKeys", "publicKey", "__proto__"),
              hostileValue,
            ),
            { maxLength: 3 },
          )
          .map((entries) => JSON.stringify(entries)),
      ),
      async (content) => {
        const { code } = await judge("agents.txt", content, ["agents", "import", "agents.txt"]);
        if (code !== 0) expect(await registered()).toEqual([]);
        for (const { agentId } of await registered()) {
          await run(["agents", "remove", "--agent", agentId, "--yes", "--local", "-o", "files"], {
            cwd,
          });
        }
      },
    );
    await fc.assert(property, { numRuns: runs(60) });
  });

  it("is not accepted as a key, and its content is not quoted", async () => {
    const key = await testKey("ES256");
    const pem = `-----BEGIN PUBLIC KEY-----\n${Buffer.from(JSON.stringify(key.jwk)).toString("base64")}\n-----END PUBLIC KEY-----\n`;
    const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ";
    const property = fc.asyncProperty(hostileFile(`${pem}${secret}`), async (content) => {
      const args = ["agents", "register", "--agent", "k1", "--public-key", "key.pem"];
      const { code, stderr } = await judge("key.pem", content, args);
      expect(code).not.toBe(0);
      expect(stderr).not.toContain(secret);
    });
    await fc.assert(property, { numRuns: runs(60) });
  });

  it("in place of the runtime's outputs leads to the advice to restart the runtime", async () => {
    const names = [
      "webSocketUrl",
      "dynamoDbEndpoint",
      "statusTableName",
      "registryTableName",
      "eventBusName",
      "region",
    ];
    const texts = fc.record(Object.fromEntries(names.map((name) => [name, hostileText])));
    const property = fc.asyncProperty(
      fc.oneof(
        hostileFile('{"webSocketUrl":"ws://127.0.0.1:1/prod"}'),
        texts.map((outputs) => JSON.stringify(outputs)),
        fc
          .dictionary(fc.constantFrom(...names, "__proto__"), hostileValue)
          .map((o) => JSON.stringify(o)),
      ),
      async (content) => {
        const folder = await folderWithOutputs(content);
        const result = await run(["status", "--local", "-o", "files"], { cwd: folder });
        expectExplained(result);
        expect(result.code).toBe(4);
      },
    );
    await fc.assert(property, { numRuns: runs(60) });
  });
});

describe("a record created by hand", () => {
  it("whose agent id contains escape sequences is shown without them", async () => {
    const agentId = "\u001b]0;owned\u0007\u202e";
    const item = { ...onlineRow(Date.now(), { organizationId: "raw", agentId }) };
    await engine.client.send(
      new PutItemCommand({ TableName: engine.statusTableName, Item: marshall(item) }),
    );
    await putAgent(engine.client, engine.registryTableName, [], { organizationId: "raw", agentId });
    expect(agentRecordId(agentId)).toContain(agentId);
    for (const args of [["status"], ["agents", "list"]]) {
      const result = await run([...args, "--local", "-o", "raw"], {
        cwd,
        isTTY: true,
        columns: 80,
      });
      expect(result.code).toBe(0);
      expectTame(result);
    }
  });
});

describe("a value that is far too long", () => {
  const long = "x".repeat(100_000);
  const words = "many words ".repeat(10_000);

  it.each([
    ["a command", [long]],
    ["an option", [`--${long}`]],
    ["an agent's id", ["status", long]],
    ["a text of many words", ["status", words]],
    ["a name", ["agents", "get", "--agent", long]],
    ["a role", ["agents", "register", "--agent", "a1", "--role", long]],
    ["a duration", ["agents", "register", "--agent", "a1", "--ping", "--every", long]],
    ["a schedule", ["agents", "register", "--agent", "a1", "--ping", "--cron", long]],
    ["a time", ["events", "--since", long]],
    ["a subject", ["publish", long, "{}"]],
    ["a message", ["publish", "tasks", `{"${long}`]],
    ["a file's name", ["agents", "import", long]],
    ["a pattern of names", ["enrolments", "create", "--agents", long]],
    ["a token", ["token", "inspect", long]],
    ["a shell", ["completion", long]],
    ["an alarm", ["runbook", long]],
  ])("is not repeated whole: %s", async (_, args) => {
    const { code, stdout, stderr } = await run([...args, "--local", "-o", "files"], { cwd });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/^error: /);
    expect(stdout.length + stderr.length).toBeLessThan(2500);
  });

  it.each([
    ["column", `${long},agentId\n1,a1\n`],
    ["field", JSON.stringify([{ agentId: "a1", [long]: 1 }])],
    ["agent's id in JSON", JSON.stringify([{ agentId: long }])],
    ["agent's id in CSV", `agentId\n${long}\n`],
    ["role", `agentId,role\na1,${long}\n`],
    ["text of many words", `agentId,role\na1,${words}\n`],
    ["key", `agentId,publicKey\na1,${long}\n`],
    ["key file", `agentId,publicKeyFile\na1,${long}\n`],
  ])("is not repeated whole in a file of agents: a %s", async (_, content) => {
    await writeFile(join(cwd, "long.txt"), content);
    const args = ["agents", "import", "long.txt", "--local", "-o", "files"];
    const { code, stdout, stderr } = await run(args, { cwd });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/^error: /);
    expect(stdout.length + stderr.length).toBeLessThan(2500);
  });
});
