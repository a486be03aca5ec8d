/** Emulates Lambda: one worker thread per function, timeouts, and a new thread after a crash. */

import { randomUUID } from "node:crypto";
import { devNull } from "node:os";
import { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../clock";
import { LocalRuntimeError } from "../errors";
import type { FunctionDescription } from "../resources/function";
import type { LogSink } from "./log-files";
import type { FunctionError, Invocation, WorkerMessage, WorkerSettings } from "./messages";
import { workerSource } from "./worker-source";

/** A function threw, timed out or crashed. */
export class FunctionFailed extends LocalRuntimeError {
  override name = "FunctionFailed";

  constructor(
    functionName: string,
    readonly error: FunctionError,
  ) {
    super(`${functionName}: ${error.errorType}: ${error.errorMessage}`);
  }
}

/** A function that can be invoked. */
export interface Invocable {
  /**
   * Invokes the function and waits for its result.
   *
   * @throws FunctionFailed if it throws, times out or crashes
   */
  invoke(event: unknown): Promise<unknown>;
}

/**
 * Concurrent events per function. The AWS SDK opens this many sockets. More events would wait for a
 * socket inside the function and run into client timeouts, which can't happen in Lambda.
 */
const CONCURRENCY = 50;

/** An invocation, as passed to `around`. */
export interface Call {
  functionName: string;
  event: unknown;
  /** Makes the invocation. @throws FunctionFailed like `invoke` */
  proceed(): Promise<unknown>;
}

export interface LocalFunctionOptions {
  description: FunctionDescription;
  /** Added to the template's variables, which take precedence. */
  environment: Record<string, string>;
  clock: Clock;
  log: LogSink;
  /** Called instead of the invocation. @default - the invocation is made */
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
  /** Resolvers of events that wait for a free slot. */
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

  /**
   * Loads the code, so that the first event is not a cold start. @throws FunctionFailed if loading
   * fails
   */
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
    // Avoids a needless turn of the event loop: every heartbeat passes here.
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

  /** Stops the thread for good. Pending invocations fail. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.endEnvironment();
  }

  /** Stops the thread. Pending invocations fail, and the next event starts a new thread. */
  async endEnvironment(): Promise<void> {
    await this.#ready?.then((worker) => worker.terminate()).catch(() => {});
  }

  #environment(): Promise<Worker> {
    if (this.#stopped)
      return Promise.reject(this.#failure("Runtime.Stopped", "the function was stopped"));
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
      let crash = "the thread exited";
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

/** The variables that Lambda sets. Nothing of this process's environment reaches a function. */
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
    // Ignores the AWS configuration of the user's machine.
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    LAMBDA_TASK_ROOT: directory,
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    _HANDLER: handler,
  };
}
