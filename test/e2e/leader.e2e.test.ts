/** The recipe for a leader, as the documentation has it, with candidates of which one loses its connection. */

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { HeartbeatAgent, NodeAgentOptions } from "@agent-heartbeat/sdk";
import * as sdk from "@agent-heartbeat/sdk";
import * as dynamoDb from "@aws-sdk/client-dynamodb";
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  type DynamoDBClient,
  GetItemCommand,
} from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import ts from "typescript";
import { nodeSockets } from "../../sdk/src/platform/node-socket";
import type { OpenSocket } from "../../sdk/src/platform/runtime";
import { openTarget, type Target } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { type Engine, startEngine } from "../../testing/engine";
import { newEd25519Key } from "../../testing/keys";

type Lead = (token: () => number, signal: AbortSignal) => Promise<void>;

interface Recipe {
  candidate(options: NodeAgentOptions, lead: Lead): HeartbeatAgent;
  save(
    client: DynamoDBClient,
    table: string,
    result: { id: string; value: string; token: number },
  ): Promise<void>;
}

/** The first block of the page. */
function recipe(): Recipe {
  const page = readFileSync(join(__dirname, "..", "..", "docs", "leader.md"), "utf8");
  const [, code = ""] = /^```ts\n([\s\S]*?)^```/m.exec(page) ?? [];
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 },
  });
  const modules: Record<string, unknown> = {
    "@agent-heartbeat/sdk": sdk,
    "@aws-sdk/client-dynamodb": dynamoDb,
  };
  const exported = {} as Recipe;
  new Function("exports", "require", outputText)(exported, (name: string) => modules[name]);
  return exported;
}

/** A way to the service that can be cut, without a word to either side. */
class Way {
  isCut = false;

  readonly openSocket: OpenSocket = (url, protocols, listener) => {
    let isDead = this.isCut;
    const passes = () => {
      isDead ||= this.isCut;
      return !isDead;
    };
    const socket = nodeSockets()(url, protocols, {
      opened: () => passes() && listener.opened(),
      received: (text) => passes() && listener.received(text),
      closed: (code, reason) => passes() && listener.closed(code, reason),
      refused: (response) => passes() && listener.refused(response),
      failed: (error) => passes() && listener.failed(error),
    });
    return {
      get bufferedAmount() {
        return socket.bufferedAmount;
      },
      send: (text) => void (passes() && socket.send(text)),
      close: (code, reason) => void (passes() && socket.close(code, reason)),
      // The other side receives nothing.
      terminate: () => void (passes() && socket.terminate()),
    };
  };
}

describe("the recipe for a leader", () => {
  const organizationId = `e2e-${randomUUID()}`;
  const table = `results-${randomUUID()}`;
  let target: Target;
  let store: Engine;
  beforeAll(async () => {
    target = openTarget();
    store = await startEngine({ stream: false });
    await store.client.send(
      new CreateTableCommand({
        TableName: table,
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
      }),
    );
  });
  afterAll(async () => {
    await store.stop();
    target.close();
  });

  it("has one leader, whom another candidate follows, and whose writes are refused from then on", async () => {
    const { candidate, save } = recipe();
    const privateKey = newEd25519Key();
    const agentId = "scheduler";
    await target.registry.register({
      organizationId,
      agentId,
      publicKey: (await sdk.publicKeyOf(privateKey)) as never,
    });
    const terms: { name: string; token: () => number; signal: AbortSignal }[] = [];
    const way = new Way();
    const start = (name: string, runtime: NodeAgentOptions["runtime"]) => {
      const agent = candidate(
        {
          agentId,
          organizationId,
          url: target.url,
          privateKey,
          heartbeatInterval: 5,
          heartbeatTimeoutMultiplier: 1.5,
          reconnect: { schedule: () => 0.5 },
          signals: [],
          logger: null,
          runtime,
        },
        async (token, signal) => void terms.push({ name, token, signal }),
      );
      const refused = new Promise((resolve) => {
        agent.on("attemptFailed", ({ failure }) => failure.status === 409 && resolve(true));
      });
      agent.start().catch(() => undefined);
      return { agent, refused };
    };
    const term = (index: number) => until(async () => terms[index]);
    const write = (value: string, token: number) =>
      save(store.client, table, { id: "report", value, token });

    const first = start("first", { openSocket: way.openSocket });
    const { token: firstToken, signal } = await term(0);
    const second = start("second", {});
    await second.refused;
    await write("of the first", firstToken());
    expect(terms).toHaveLength(1);

    way.isCut = true;
    const { token: secondToken, signal: secondSignal, name } = await term(1);
    expect([name, secondSignal.aborted]).toEqual(["second", false]);
    expect(secondToken()).toBeGreaterThan(firstToken());
    await write("of the second", secondToken());
    await expect(write("too late", firstToken())).rejects.toThrow(ConditionalCheckFailedException);
    const Key = { id: { S: "report" } };
    const { Item } = await store.client.send(new GetItemCommand({ TableName: table, Key }));
    expect(Item?.value).toEqual({ S: "of the second" });

    way.isCut = false;
    await first.refused;
    expect(signal.aborted).toBe(true);
    expect(terms).toHaveLength(2);
    await second.agent.drain();
    const third = await term(2);
    expect([third.name, secondSignal.aborted]).toEqual(["first", true]);
    await write("of the first again", third.token());
    await first.agent.stop();
    expect(third.signal.aborted).toBe(true);
  });
});
