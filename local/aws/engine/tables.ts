/** Creates the tables of the template in the engine. */

import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { LocalRuntimeError } from "../errors";
import type { TableDescription } from "../resources/table";

/**
 * Creates the tables that do not exist. Existing tables keep their data.
 *
 * @returns the engine's ARN of each table's stream, by the ARN in the template
 * @throws LocalRuntimeError if the engine refuses a table or can't be reached
 */
export async function createTables(
  client: DynamoDBClient,
  tables: TableDescription[],
): Promise<Map<string, string>> {
  const streams = new Map<string, string>();
  for (const table of tables) {
    try {
      await create(client, table);
      const { Table } = await client.send(new DescribeTableCommand({ TableName: table.name }));
      if (table.streamArn && Table?.LatestStreamArn) {
        streams.set(table.streamArn, Table.LatestStreamArn);
      }
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code?.startsWith("E")) {
        throw new LocalRuntimeError(
          `The DynamoDB engine can't be reached: ${message || code}; start it, or leave out --dynamodb-endpoint`,
          { cause },
        );
      }
      throw new LocalRuntimeError(
        `The DynamoDB engine does not create the table ${table.name}: ${message}`,
        { cause },
      );
    }
  }
  return streams;
}

async function create(client: DynamoDBClient, { input, ttlAttribute }: TableDescription) {
  try {
    await client.send(new CreateTableCommand(input));
  } catch (error) {
    if (error instanceof ResourceInUseException) return;
    throw error;
  }
  if (ttlAttribute === undefined) return;
  await client.send(
    new UpdateTimeToLiveCommand({
      TableName: input.TableName,
      TimeToLiveSpecification: { AttributeName: ttlAttribute, Enabled: true },
    }),
  );
}
