import { DescribeTableCommand, DescribeTimeToLiveCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Engine, startEngine } from "../../testing/engine";

describe("the test engine", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine.stop());

  it("has the status table with a stream of both images", async () => {
    const TableName = engine.statusTableName;
    const { Table } = await engine.client.send(new DescribeTableCommand({ TableName }));
    expect(Table?.StreamSpecification?.StreamViewType).toBe("NEW_AND_OLD_IMAGES");
  });

  const embedded = process.env.DYNAMODB_ENDPOINT ? it.skip : it;
  embedded("has a TTL on the status table, if it is the embedded one", async () => {
    const TableName = engine.statusTableName;
    const ttl = await engine.client.send(new DescribeTimeToLiveCommand({ TableName }));
    expect(ttl.TimeToLiveDescription?.AttributeName).toBe("ttlEpochSeconds");
  });

  it("starts beside another one", async () => {
    const other = await startEngine();
    const where = ({ endpoint, statusTableName }: Engine) => `${endpoint} ${statusTableName}`;
    expect(where(other)).not.toBe(where(engine));
    await other.stop();
  });
});
