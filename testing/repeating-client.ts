/** A client of DynamoDB that loses the first answer to each write, and sends the same write again, as the AWS client does. */

import {
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";

const WRITES = [PutItemCommand, UpdateItemCommand, DeleteItemCommand];

export function repeating(client: DynamoDBClient): DynamoDBClient {
  const send = async (command: Parameters<DynamoDBClient["send"]>[0]) => {
    if (WRITES.some((write) => command instanceof write)) {
      await client.send(command).catch(() => undefined);
    }
    return client.send(command);
  };
  return Object.assign(Object.create(client), { send });
}
