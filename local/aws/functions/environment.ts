/** An environment of a function: a thread that loads its code and handles its events. */

import { randomUUID } from "node:crypto";
import { devNull } from "node:os";
import { Worker } from "node:worker_threads";
import { workerSource } from "#worker-source";
import type { Clock, Timer } from "../clock";
import type { FunctionDescription } from "../resources/function";
import { FunctionFailed } from "./function-failed";
import type { LogSink } from "./log-files";
import type { Invocation, WorkerMessage, WorkerSettings } from "./messages";

/**
 * Concurrent events of one environment. Lambda's environments handle one event at a time. This is the number of sockets that
 * the AWS SDK opens; more events would wait for a socket inside the function.
 */
const EVENTS_AT_ONCE = 50;

export interface EnvironmentOptions {
  description: FunctionDescription;
  /** Added to the template's variables, which take precedence. */
  environment: Record<string, string>;
  clock: Clock;
  log: LogSink;
}

interface Running {
  resolve(result: unknown): void;
  reject(error: FunctionFailed): void;
  timer: Timer;
}

export class FunctionEnvironment {
  /** Resolves when the code is loaded. Rejects with FunctionFailed if that fails. */
  readonly ready: Promise<void>;
  /** Resolves when the thread has ended. */
  readonly ended: Promise<void>;
  readonly #options: EnvironmentOptions;
  readonly #worker: Worker;
  readonly #running = new Map<number, Running>();
  #nextId = 0;
  #isReady = false;
  #takesNoMore = false;
  #startFailure: FunctionFailed | undefined;

  /** @param changed called when it has room for another event, and when it accepts no more */
  constructor(
    options: EnvironmentOptions,
    private readonly changed: () => void,
  ) {
    this.#options = options;
    const worker = startWorker(options);
    this.#worker = worker;
    let setEnded = () => {};
    this.ended = new Promise((resolve) => {
      setEnded = resolve;
    });
    this.ready = new Promise((resolve, reject) => {
      let crash = "the thread exited";
      worker.on("message", (message: WorkerMessage) => {
        if (message.kind === "ready") {
          this.#isReady = true;
          resolve();
          changed();
        } else if (message.kind === "failed") {
          crash = message.error.errorMessage;
          void worker.terminate();
        } else {
          this.#receive(message);
        }
      });
      worker.on("error", (error) => {
        crash = error.message;
        options.log(options.description.name, String(error.stack));
      });
      worker.on("exit", () => {
        this.#takesNoMore = true;
        const failure = this.#failure("Runtime.ExitError", crash);
        if (!this.#isReady) this.#startFailure = failure;
        reject(failure);
        for (const id of [...this.#running.keys()]) this.#settle(id)?.reject(failure);
        setEnded();
        changed();
      });
    });
    // A rejection is not unhandled if nobody awaits it.
    this.ready.catch(() => {});
  }

  /** Whether it has room for another event now. */
  get hasRoom(): boolean {
    return this.#isReady && !this.#takesNoMore && this.#running.size < EVENTS_AT_ONCE;
  }

  /** Whether it may have room for events now or later. */
  get isOfUse(): boolean {
    return !this.#takesNoMore;
  }

  /** Why loading the code failed; undefined if it did not, or has not finished. */
  get startFailure(): FunctionFailed | undefined {
    return this.#startFailure;
  }

  /** Handles an event. Requires room. @throws FunctionFailed if it throws, times out or crashes */
  invoke(event: unknown): Promise<unknown> {
    const { description, clock } = this.#options;
    const { timeoutMs } = description;
    const id = this.#nextId++;
    const requestId = randomUUID();
    return new Promise((resolve, reject) => {
      const timer = clock.after(timeoutMs, () => {
        const seconds = (timeoutMs / 1000).toFixed(2);
        const errorMessage = `${requestId} Task timed out after ${seconds} seconds`;
        const late = this.#settle(id);
        this.retire();
        late?.reject(this.#failure("Sandbox.Timedout", errorMessage));
      });
      this.#running.set(id, { resolve, reject, timer });
      this.#worker.postMessage({
        id,
        requestId,
        deadline: Date.now() + timeoutMs,
        event: JSON.stringify(event),
      } satisfies Invocation);
    });
  }

  /**
   * Accepts no further events, and ends when all events that have not timed out are finished.
   */
  retire(): void {
    if (!this.#takesNoMore) {
      this.#takesNoMore = true;
      this.changed();
    }
    if (this.#running.size === 0) void this.end();
  }

  /** Ends at once. Events in progress fail. */
  async end(): Promise<void> {
    this.#takesNoMore = true;
    await this.#worker.terminate();
    await this.ended;
  }

  #receive(message: Exclude<WorkerMessage, { kind: "ready" | "failed" }>): void {
    const { name } = this.#options.description;
    if (message.kind === "log") {
      this.#options.log(name, message.line);
      return;
    }
    const running = this.#settle(message.id);
    if (message.kind === "error") running?.reject(new FunctionFailed(name, message.error));
    else running?.resolve(message.result === undefined ? null : JSON.parse(message.result));
    if (this.#takesNoMore) this.retire();
    else this.changed();
  }

  #settle(id: number): Running | undefined {
    const running = this.#running.get(id);
    this.#running.delete(id);
    running?.timer.cancel();
    return running;
  }

  #failure(errorType: string, errorMessage: string): FunctionFailed {
    return new FunctionFailed(this.#options.description.name, { errorType, errorMessage });
  }
}

function startWorker({ description, environment, log }: EnvironmentOptions): Worker {
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
  return worker;
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
