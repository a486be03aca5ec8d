/**
 * Runs inside a worker thread: loads a bundled handler like Lambda's Node.js runtime, and calls it.
 *
 * Lambda gives each environment one event at a time. A worker handles many concurrently.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";
import { parentPort, workerData } from "node:worker_threads";
import type { FunctionError, Invocation, WorkerMessage, WorkerSettings } from "./messages";

type Handler = (event: unknown, context: object) => unknown;

const settings = workerData as WorkerSettings;
const port = parentPort as NonNullable<typeof parentPort>;
const send = (message: WorkerMessage) => port.postMessage(message);
const running = new Set<string>();

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/** Logs in Lambda's format. The request id is known only while a single invocation is running. */
function log(level: string, values: unknown[]): void {
  const [requestId] = running.size === 1 ? running : [];
  const timestamp = new Date().toISOString();
  if (settings.logFormat === "Text") {
    const line = `${timestamp}\t${requestId ?? "-"}\t${level}\t${format(...values)}`;
    send({ kind: "log", line });
    return;
  }
  if (LEVELS.indexOf(level) < LEVELS.indexOf(settings.logLevel.toUpperCase())) return;
  const message =
    values.length === 1 && typeof values[0] === "object" ? values[0] : format(...values);
  send({ kind: "log", line: JSON.stringify({ timestamp, level, requestId, message }) });
}

for (const [method, level] of [
  ["trace", "TRACE"],
  ["debug", "DEBUG"],
  ["log", "INFO"],
  ["info", "INFO"],
  ["warn", "WARN"],
  ["error", "ERROR"],
] as const) {
  console[method] = (...values: unknown[]) => log(level, values);
}

async function load(): Promise<Handler> {
  const dot = settings.handler.lastIndexOf(".");
  const name = settings.handler.slice(dot + 1);
  const base = join(settings.directory, settings.handler.slice(0, dot));
  const file = [".js", ".mjs", ".cjs"].map((end) => base + end).find((path) => existsSync(path));
  if (!file) throw new Error(`Cannot find module '${base}'`);
  const loaded = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  const handler = loaded[name] ?? (loaded.default as Record<string, unknown>)?.[name];
  if (typeof handler !== "function")
    throw new Error(`${settings.handler} is undefined or not exported`);
  return handler as Handler;
}

async function run(handler: Handler, { id, requestId, deadline, event }: Invocation) {
  running.add(requestId);
  try {
    const context = {
      functionName: settings.functionName,
      functionVersion: "$LATEST",
      invokedFunctionArn: settings.functionArn,
      memoryLimitInMB: String(settings.memoryMb),
      awsRequestId: requestId,
      logGroupName: `/aws/lambda/${settings.functionName}`,
      logStreamName: "local",
      callbackWaitsForEmptyEventLoop: true,
      getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    };
    const result = await handler(JSON.parse(event), context);
    send({ kind: "result", id, result: JSON.stringify(result) });
  } catch (error) {
    log("ERROR", [describe(error)]);
    send({ kind: "error", id, error: describe(error) });
  } finally {
    running.delete(requestId);
  }
}

function describe(error: unknown): FunctionError {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error) };
  const { name: errorType, message: errorMessage, stack } = error;
  return { errorType, errorMessage, ...(stack && { trace: stack.split("\n") }) };
}

load().then(
  (handler) => {
    port.on("message", (invocation: Invocation) => void run(handler, invocation));
    send({ kind: "ready" });
  },
  (error) => send({ kind: "failed", error: describe(error) }),
);
