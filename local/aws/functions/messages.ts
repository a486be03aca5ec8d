/** The messages between a function's worker thread and the runtime. */

/** The settings that a worker starts with. */
export interface WorkerSettings {
  directory: string;
  handler: string;
  functionName: string;
  functionArn: string;
  memoryMb: number;
  logFormat: "JSON" | "Text";
  logLevel: string;
}

export interface Invocation {
  id: number;
  requestId: string;
  /** Epoch milliseconds. */
  deadline: number;
  /** The event as JSON, as in Lambda. */
  event: string;
}

/** An error as Lambda returns it to the caller. */
export interface FunctionError {
  errorType: string;
  errorMessage: string;
  trace?: string[];
}

export type WorkerMessage =
  | { kind: "ready" }
  | { kind: "failed"; error: FunctionError }
  | { kind: "result"; id: number; result: string | undefined }
  | { kind: "error"; id: number; error: FunctionError }
  | { kind: "log"; line: string };
