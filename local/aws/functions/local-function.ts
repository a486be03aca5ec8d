/** Plays Lambda: one worker thread a function, time-outs, and a new thread after a crash. */

import { randomUUID } from "node:crypto";
import { devNull } from "node:os";
import { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../clock";
import { LocalRuntimeError } from "../errors";
import type { FunctionDescription } from "../resources/function";
import type { LogSink } from "./log-files";
import type { FunctionError, Invocation, WorkerMessage, WorkerSettings } from "./messages";
import { workerSource } from "./worker-source";

/** A function threw, timed out, or its thread ended. */
export class FunctionFailed extends LocalRuntimeError {
  override name = "FunctionFailed";

  constructor(
    functionName: string,
    readonly error: FunctionError,
  ) {
    super(`${functionName}: ${error.errorType}: ${error.errorMessage}`);
  }
}

/** Anything that can be invoked. */
export interface Invocable {
  /**
   * Calls the function and waits for its result.
   *
   * @throws FunctionFailed if it throws, times out or crashes
   */
  invoke(event: unknown): Promise<unknown>;
}

/**
 * Events under way at once in a function. The AWS SDK opens so many sockets; what waits for one of them
 * inside a function runs into the time-outs of its client, which in Lambda it never would.
 */
const CONCURRENCY = 50;

/** One call of a function, for those that stand around it. */
export interface Call {
  functionName: string;
  event: unknown;
  /** Makes the call. @throws FunctionFailed as `invoke` does */
  proceed(): Promise<unknown>;
}

export interface LocalFunctionOptions {
  description: FunctionDescription;
  /** Added to the template's own variables, which come first. */
  environment: Record<string, string>;
  clock: Clock;
  log: LogSink;
  /** Is given each call instead of it being made. @default - calls are made */
  around?: (call: Call) => Promise<unknown>;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: FunctionFailed): void;
  timer: Timer;
}

export class LocalFunction implements Invocable {
  readonly #options: LocalFunctionOptions;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #ready: Promise<Worker> | undefined;
  /** Ends the wait of events that no slot was free for. */
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #nextId = 0;
  #stopped = false;

  constructor(options: LocalFunctionOptions) {
    this.#options = options;
  }

  get description(): FunctionDescription {
    return this.#options.description;
  }

  /** Loads the code, so that the first event finds it warm. @throws FunctionFailed if it can't be loaded */
  async warm(): Promise<void> {
    await this.#environment();
  }

  async invoke(event: unknown): Promise<unknown> {
    const { around, description } = this.#options;
    if (!around) return this.#invoke(event);
    const proceed = () => this.#invoke(event);
    return around({ functionName: description.name, event, proceed });
  }

  async #invoke(event: unknown): Promise<unknown> {
    if (this.#running < CONCURRENCY) this.#running += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await this.#call(event);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  async #call(event: unknown): Promise<unknown> {
    // No needless turn of the event loop: this is the way of every heartbeat.
    const worker = this.#worker ?? (await this.#environment());
    const { description, clock } = this.#options;
    const { timeoutMs } = description;
    const id = this.#nextId++;
    const requestId = randomUUID();
    return new Promise((resolve, reject) => {
      const timer = clock.after(timeoutMs, () => {
        const seconds = (timeoutMs / 1000).toFixed(2);
        const errorMessage = `${requestId} Task timed out after ${seconds} seconds`;
        this.#settle(id)?.reject(this.#failure("Sandbox.Timedout", errorMessage));
      });
      this.#pending.set(id, { resolve, reject, timer });
      worker.postMessage({
        id,
        requestId,
        deadline: Date.now() + timeoutMs,
        event: JSON.stringify(event),
      } satisfies Invocation);
    });
  }

  /** Ends the thread for good. What is under way fails. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.endEnvironment();
  }

  /** Ends the thread. What is under way fails; the next event starts another one. */
  async endEnvironment(): Promise<void> {
    await this.#ready?.then((worker) => worker.terminate()).catch(() => {});
  }

  #environment(): Promise<Worker> {
    if (this.#stopped) return Promise.reject(this.#failure("Runtime.Stopped", "it was stopped"));
    this.#ready ??= this.#start();
    return this.#ready;
  }

  #start(): Promise<Worker> {
    const { description, environment, log } = this.#options;
    const { name, arn, directory, handler, memoryMb, logFormat, logLevel } = description;
    const worker = new Worker(workerSource(), {
      eval: true,
      name,
      execArgv: [],
      env: { ...lambdaEnvironment(description), ...environment, ...description.environment },
      stdout: true,
      stderr: true,
      workerData: {
        directory,
        handler,
        functionName: name,
        functionArn: arn,
        memoryMb,
        logFormat,
        logLevel,
      } satisfies WorkerSettings,
    });
    for (const stream of [worker.stdout, worker.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => log(name, text.replace(/\n$/, "")));
    }
    return new Promise((resolve, reject) => {
      let crash = "it ended by itself";
      worker.on("message", (message: WorkerMessage) => {
        if (message.kind === "ready") {
          this.#worker = worker;
          resolve(worker);
        } else if (message.kind === "failed") {
          crash = message.error.errorMessage;
          void worker.terminate();
        } else {
          this.#receive(message);
        }
      });
      worker.on("error", (error) => {
        crash = error.message;
        log(name, String(error.stack));
      });
      worker.on("exit", () => {
        this.#worker = undefined;
        this.#ready = undefined;
        const failure = this.#failure("Runtime.ExitError", crash);
        reject(failure);
        for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(failure);
      });
    });
  }

  #receive(message: Exclude<WorkerMessage, { kind: "ready" | "failed" }>): void {
    const { name } = this.#options.description;
    if (message.kind === "log") {
      this.#options.log(name, message.line);
      return;
    }
    const pending = this.#settle(message.id);
    if (message.kind === "error") pending?.reject(new FunctionFailed(name, message.error));
    else pending?.resolve(message.result === undefined ? null : JSON.parse(message.result));
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.timer.cancel();
    return pending;
  }

  #failure(errorType: string, errorMessage: string): FunctionFailed {
    return new FunctionFailed(this.#options.description.name, { errorType, errorMessage });
  }
}

/** What Lambda sets by itself. Nothing of this process's own environment reaches a function. */
function lambdaEnvironment(description: FunctionDescription): Record<string, string> {
  const { name, memoryMb, handler, directory, logFormat } = description;
  return {
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_LOG_FORMAT: logFormat,
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: "local",
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    // Not the settings of the person whose machine this is.
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    LAMBDA_TASK_ROOT: directory,
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    _HANDLER: handler,
  };
}
