/** A client of DynamoDB that holds back what it sends to one table, so that a test decides what comes first. */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";

export interface HeldClient {
  client: DynamoDBClient;
  /** Resolves when the first command waits. */
  waiting: Promise<void>;
  /** Sends everything that waits, and from then on at once. */
  release(): void;
}

export function holdingBack(client: DynamoDBClient, tableName: string): HeldClient {
  let begin = () => {};
  let release = () => {};
  const waiting = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const send = async (command: Parameters<DynamoDBClient["send"]>[0]) => {
    if ("TableName" in command.input && command.input.TableName === tableName) {
      begin();
      await released;
    }
    return client.send(command);
  };
  return { client: Object.assign(Object.create(client), { send }), waiting, release };
}
