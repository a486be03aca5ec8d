/** What passes between a function's worker thread and the runtime. */

/** What a worker is told at its start. */
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
  /** The event as JSON, which is how Lambda passes it. */
  event: string;
}

/** An error as Lambda describes it to the caller. */
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
