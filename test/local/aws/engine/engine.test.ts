import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CreateTableCommand, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { startDynoxide } from "../../../../local/aws/engine/dynoxide";
import { outputWithout, spawnGuarded } from "../../../../local/aws/processes/parent-death-guard";
import { clientOf } from "../../../../testing/engine";

const PREPARED = join(__dirname, "../../../../local/aws/engine/empty.db");

/** The statements of a database's schema, in its file or its write-ahead log. */
function schemaIn(file: string): string[] {
  const statements = [file, `${file}-wal`].filter(existsSync).flatMap((path) => {
    const text = readFileSync(path, "latin1").replace(/\s+/g, " ");
    return text.match(/CREATE (TABLE|INDEX) _[^\0]*?\)(?![,)\s])/g) ?? [];
  });
  return [...new Set(statements)];
}

describe("the embedded engine's file", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "engine-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("is initially as the engine would create it, except for an index", async () => {
    const file = join(directory, "own.db");
    const binary = join(
      dirname(require.resolve(`@dynoxide/${process.platform}-${process.arch}/package.json`)),
      "dynoxide",
    );
    const engine = spawnGuarded(binary, ["serve", "--port", "0", "--db-path", file], {
      output: "pipe",
    });
    expect(await outputWithout(engine.child, "listening")).toBeUndefined();
    await engine.stop();
    const own = schemaIn(file);
    expect(own.length).toBeGreaterThan(2);
    const index = expect.stringMatching(/^CREATE INDEX _stream_records_by_sequence ON/i);
    expect(schemaIn(PREPARED).sort()).toEqual([index, ...own.sort()]);
  });

  it("keeps its data across a restart", async () => {
    const first = await startDynoxide(directory);
    const before = clientOf(first.endpoint);
    await before.send(
      new CreateTableCommand({
        TableName: "Kept",
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      }),
    );
    before.destroy();
    await first.stop();
    const second = await startDynoxide(directory, ["nice"]);
    const client = clientOf(second.endpoint);
    expect((await client.send(new ListTablesCommand({}))).TableNames).toEqual(["Kept"]);
    client.destroy();
    await second.stop();
  });
});
