/** Everything outside of the command that it touches, so that tests run it in process with their own. */

import type {
  CloudFormationClient,
  CloudFormationClientConfig,
} from "@aws-sdk/client-cloudformation";
import type { DynamoDBClient, DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";

/** Where text goes. */
export interface Output {
  write(text: string): void;
  /** Whether a person looks at it. */
  isTTY: boolean;
  /** Width of the terminal in characters, where it is known. */
  columns?: number | undefined;
  /** Height of the terminal in lines, where it is known. */
  rows?: number | undefined;
}

/** Makes AWS clients. They are loaded when first needed, for they take longer than all the rest. */
export interface Clients {
  dynamoDb(config: DynamoDBClientConfig): Promise<DynamoDBClient>;
  cloudFormation(config: CloudFormationClientConfig): Promise<Pick<CloudFormationClient, "send">>;
}

export interface Io {
  stdout: Output;
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Epoch milliseconds. */
  now(): number;
  /** Resolves after a duration, or as soon as the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Aborted when the person interrupts the command. */
  signal: AbortSignal;
  /** Asks for a line of text; undefined if nobody is there to answer. */
  ask(question: string): Promise<string | undefined>;
  /** The HTTP status that a plain request to a URL is answered with. Rejects if nobody answers. */
  reach(url: string): Promise<number>;
  clients: Clients;
}
