/** Runs the command in process, with its own streams, environment and terminal. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { ListStackResourcesCommand } from "@aws-sdk/client-cloudformation";
import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { afterAll } from "@jest/globals";
import type { Io } from "../../cli/src/io";
import { run as runCommand } from "../../cli/src/run";
import type { Engine } from "../engine";

/** By logical id. */
type Resources = Record<string, readonly [type: string, name: string]>;

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** The user's answer to a question. Without one there is no user. */
  answer?: string;
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  now?: () => number;
  signal?: AbortSignal;
  wait?: Io["wait"];
  random?: () => number;
  reach?: Io["reach"];
  /** Called with each chunk of standard output. */
  onOutput?: (text: string) => void;
  /** The content of standard input. */
  input?: string | Uint8Array;
  browse?: Io["browse"];
  streams?: Io["streams"];
  /** Replaces the event bus client, which is real by default. */
  eventBridge?: Io["clients"]["eventBridge"];
  /** Outputs of the existing stacks, by stack name. */
  stacks?: Record<string, Record<string, string>>;
  /** Resources of every stack: logical id to type and name. */
  resources?: Resources | ((stackName: string) => Resources);
  /** Replaces the tables' client, which is real by default. */
  dynamoDb?: (config: DynamoDBClientConfig) => Promise<DynamoDBClient>;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
  questions: string[];
  /** The configurations of created AWS clients. */
  configs: object[];
}

export async function run(args: string[], options: RunOptions = {}): Promise<RunResult> {
  const result: RunResult = { code: -1, stdout: "", stderr: "", questions: [], configs: [] };
  const output = (name: "stdout" | "stderr"): Io["stdout"] => ({
    write: (text) => {
      result[name] += text;
      if (name === "stdout") options.onOutput?.(text);
    },
    isTTY: options.isTTY ?? false,
    columns: options.columns,
    rows: options.rows,
  });
  const io: Io = {
    stdout: output("stdout"),
    stderr: output("stderr"),
    env: options.env ?? {},
    cwd: options.cwd ?? tmpdir(),
    now: options.now ?? Date.now,
    random: options.random ?? Math.random,
    wait: options.wait ?? (() => Promise.resolve()),
    signal: options.signal ?? AbortSignal.abort(),
    ask: async (question) => {
      result.questions.push(question);
      return options.answer;
    },
    input: async () => Buffer.from(options.input ?? ""),
    streams: options.streams ?? (() => ({ input: Readable.from([]), output: new PassThrough() })),
    browse: options.browse ?? (() => Promise.reject(new Error("no browser"))),
    reach: options.reach ?? (async () => 401),
    runbook: () => readFile(join(__dirname, "../../docs/runbook.md"), "utf8"),
    local: () => Promise.reject(new Error("no local service")),
    clients: {
      dynamoDb: async (config) => {
        result.configs.push(config);
        return options.dynamoDb?.(config) ?? new DynamoDBClient(config);
      },
      cloudFormation: async (config) => {
        result.configs.push(config);
        return { send: stacksOf(options.stacks ?? {}, options.resources) };
      },
      eventBridge: async (config) => {
        result.configs.push(config);
        return options.eventBridge?.(config) ?? new EventBridgeClient(config);
      },
    },
  };
  result.code = await runCommand(args, io);
  return result;
}

/** A new folder with a runtime's outputs, as written by `agent-heartbeat local`. */
export async function localFolder(engine: Engine): Promise<string> {
  const outputs = {
    webSocketUrl: "ws://127.0.0.1:8787/prod",
    dynamoDbEndpoint: engine.endpoint,
    statusTableName: engine.statusTableName,
    registryTableName: engine.registryTableName,
    eventBusName: "local",
    region: engine.region,
    pid: process.pid,
  };
  return folderWithOutputs(JSON.stringify(outputs));
}

export async function folderWithOutputs(text: string): Promise<string> {
  const folder = await emptyFolder();
  await mkdir(join(folder, ".local"));
  await writeFile(join(folder, ".local", "outputs.json"), text);
  return folder;
}

export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "agent-heartbeat-cli-"));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

function stacksOf(
  stacks: Record<string, Record<string, string>>,
  resources: NonNullable<RunOptions["resources"]> = {},
) {
  const described = (StackName: string) => ({
    StackName,
    Outputs: Object.entries(stacks[StackName] ?? {}).map(([OutputKey, OutputValue]) => ({
      OutputKey,
      OutputValue,
    })),
  });
  const summaries = (stackName: string) =>
    Object.entries(typeof resources === "function" ? resources(stackName) : resources).map(
      ([LogicalResourceId, [ResourceType, name]]) => ({
        LogicalResourceId,
        ResourceType,
        PhysicalResourceId: name,
      }),
    );
  // The client's `send` has an overload for each command.
  return (async (command: { input: { StackName?: string } }) => {
    const { input } = command;
    if (command instanceof ListStackResourcesCommand) {
      return { StackResourceSummaries: summaries(input.StackName ?? "") };
    }
    if (input.StackName === undefined) return { Stacks: Object.keys(stacks).map(described) };
    if (stacks[input.StackName]) return { Stacks: [described(input.StackName)] };
    const message = `Stack with id ${input.StackName} does not exist`;
    throw Object.assign(new Error(message), { name: "ValidationError" });
  }) as never;
}
