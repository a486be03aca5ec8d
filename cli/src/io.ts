/** Everything outside of the command that it touches, so that tests run it in process with their own. */

import type { Readable, Writable } from "node:stream";
import type { LocalOptions } from "@agent-heartbeat/local";
import type {
  CloudFormationClient,
  CloudFormationClientConfig,
} from "@aws-sdk/client-cloudformation";
import type { DynamoDBClient, DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import type { EventBridgeClient, EventBridgeClientConfig } from "@aws-sdk/client-eventbridge";

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
  eventBridge(config: EventBridgeClientConfig): Promise<Pick<EventBridgeClient, "send">>;
}

export interface Io {
  stdout: Output;
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Epoch milliseconds. */
  now(): number;
  /** At least 0, below 1. */
  random(): number;
  /** Resolves after a duration, or as soon as the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /**
   * Aborted when the person interrupts the command. Who takes it promises to end by it; a command that
   * does not is ended at once.
   */
  readonly signal: AbortSignal;
  /** Asks for a line of text; undefined if the input is not a terminal. */
  ask(question: string): Promise<string | undefined>;
  /** All of the standard input. */
  input(): Promise<Uint8Array>;
  /** Standard input and output, for a protocol between programs. */
  streams(): { input: Readable; output: Writable };
  /** Shows a web page to the person. Rejects if there is no browser to show it. */
  browse(url: string): Promise<void>;
  /** The HTTP status that a plain request to a URL is answered with. Rejects if nobody answers. */
  reach(url: string): Promise<number>;
  clients: Clients;
  /** The runbook's page, in Markdown. */
  runbook(): Promise<string>;
  /** Runs the service on this machine until the signal is aborted. */
  local(options: LocalOptions, place: { directory: string; signal: AbortSignal }): Promise<void>;
}
