/** Starts the embedded DynamoDB engine in a child process. */

import { constants, copyFileSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { LocalRuntimeError } from "../errors";
import { type GuardedProcess, outputWithout, spawnGuarded } from "../processes/parent-death-guard";
import { engineAddress } from "./engine-address";
import { memoryDirectory } from "./memory";

/** The version that the tests run against. */
const VERSION = "1.2.1";
const ATTEMPTS = 5;

/**
 * A database as created by the engine, with an additional index. Without it, every write searches all records of the stream for
 * the last one, and takes ten times as long after 10,000 heartbeats. Created by
 * `sqlite3 empty.db 'CREATE INDEX _stream_records_by_sequence ON _stream_records(table_name, CAST(sequence_number AS INTEGER))'`
 * from a new file of the engine.
 */
const EMPTY_DATABASE = join(__dirname, "empty.db");

export interface Engine {
  /** The endpoint of DynamoDB and DynamoDB Streams. */
  endpoint: string;
  /** Its process id; undefined for an engine that was not started here. */
  pid: number | undefined;
  /** Called if the engine ends before `stop`. */
  onEnd(listener: (reason: string) => void): void;
  stop(): Promise<void>;
}

/**
 * Starts the engine on a port that browsers can't reach.
 *
 * @param dataDirectory the directory of its file; undefined keeps everything in memory
 * @param launcher a command that executes the engine, such as `nice`
 * @throws LocalRuntimeError if there is no engine for this platform, or it does not start
 */
export async function startDynoxide(
  dataDirectory?: string,
  launcher: readonly string[] = [],
): Promise<Engine> {
  const [binary, ...fixed] = [...launcher, binaryPath()] as unknown as [string, ...string[]];
  let output: string | undefined;
  // Another process may take the address before the engine uses it; then another one is tried.
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const { host, port } = await engineAddress();
    // Without an in-memory file system, the engine's own memory is used, without the index.
    const memory = dataDirectory === undefined ? memoryDirectory("agent-heartbeat-") : undefined;
    try {
      const directory = dataDirectory ?? memory;
      const file = directory === undefined ? [] : ["--db-path", databaseIn(directory)];
      const args = [...fixed, "serve", "--host", host, "--port", String(port), ...file];
      const options = {
        output: "pipe",
        ...(memory !== undefined && { directory: memory }),
      } as const;
      const engine = spawnGuarded(binary, args, options);
      output = await outputWithout(engine.child, "listening");
      if (output === undefined) return running(engine, `http://${host}:${port}`);
    } finally {
      // The engine keeps its file open, so the memory is freed when it ends.
      if (memory !== undefined) rmSync(memory, { recursive: true, force: true });
    }
  }
  const [reason] = (output ?? "").trim().split("\n");
  throw new LocalRuntimeError(
    `The DynamoDB engine ${binary} does not start: ${reason}; ` +
      `install it again with "npm ci", or name another one with --dynamodb-endpoint <url>`,
  );
}

function running(engine: GuardedProcess, endpoint: string): Engine {
  let stopping = false;
  return {
    endpoint,
    pid: engine.child.pid,
    onEnd(listener) {
      engine.child.once("exit", (code, signal) => {
        if (!stopping) listener(`it ended with ${signal ?? `exit code ${code}`}`);
      });
    },
    stop() {
      stopping = true;
      return engine.stop();
    },
  };
}

/** The database file in a directory, created unless it exists. */
function databaseIn(directory: string): string {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "tables.db");
  try {
    copyFileSync(EMPTY_DATABASE, file, constants.COPYFILE_EXCL);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return file;
}

function binaryPath(): string {
  const name = `@dynoxide/${process.platform}-${process.arch}`;
  try {
    const directory = dirname(require.resolve(`${name}/package.json`));
    return join(directory, process.platform === "win32" ? "dynoxide.exe" : "dynoxide");
  } catch (cause) {
    throw new LocalRuntimeError(
      `There is no DynamoDB engine for this platform: install it with ` +
        `"npm install --no-save ${name}@${VERSION}", ` +
        `or name another one with --dynamodb-endpoint <url>`,
      { cause },
    );
  }
}
