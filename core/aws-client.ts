/**
 * AWS clients whose calls end for certain. `requestTimeout` of the SDK's HTTP handler only warns unless it is told to
 * throw, and ends with the headers of an answer: what stalls after them would be waited for without end.
 */

/** How long a call to AWS takes at most: `attempts` times `attemptMs`, and the pauses between them. */
export interface CallLimits {
  /** Attempts at a call, the first one included. */
  attempts: number;
  /** From the start of an attempt to the last byte of its answer, in milliseconds. */
  attemptMs: number;
}

/** For functions inside of AWS, for which somebody waits: a healthy call takes milliseconds. */
export const CALL_LIMITS: CallLimits = { attempts: 3, attemptMs: 2000 };

/** For programs at any distance from AWS. */
export const REMOTE_CALL_LIMITS: CallLimits = { attempts: 3, attemptMs: 10_000 };

type Handler = (args: unknown) => Promise<{ response: unknown }>;

interface Client {
  middlewareStack: object;
}

interface Middleware {
  add(
    middleware: (next: Handler) => Handler,
    options: { step: "deserialize"; name: string; priority: "low" },
  ): void;
}

interface Body {
  destroy(error: Error): void;
  once(event: "close", listener: () => void): void;
}

/**
 * A client that gives up an attempt, and closes its connection, when `attemptMs` are over: whether the server accepts
 * nothing, completes no handshake, answers nothing, or stops in the middle of its answer.
 *
 * @param Client a client of the AWS SDK, version 3
 * @param config what else it is to know
 */
export function boundedClient<C extends Client, Config extends object>(
  Client: new (config: Config) => C,
  config: Config,
  { attempts, attemptMs }: CallLimits = REMOTE_CALL_LIMITS,
): C {
  const client = new Client({
    maxAttempts: attempts,
    requestHandler: {
      connectionTimeout: Math.min(1000, attemptMs),
      requestTimeout: attemptMs,
      throwOnRequestTimeout: true,
    },
    ...config,
  });
  // Low priority: right around the HTTP handler, before the answer is read.
  (client.middlewareStack as Middleware).add(endingAnswers(attemptMs), {
    step: "deserialize",
    name: "agentHeartbeatCallLimit",
    priority: "low",
  });
  return client;
}

function endingAnswers(attemptMs: number) {
  return (next: Handler): Handler =>
    async (args) => {
      const endsAt = performance.now() + attemptMs;
      const result = await next(args);
      const { body } = result.response as { body?: unknown };
      if (isStream(body)) {
        const timer = setTimeout(
          () => body.destroy(tooSlow(attemptMs)),
          Math.max(0, endsAt - performance.now()),
        );
        timer.unref();
        body.once("close", () => clearTimeout(timer));
      }
      return result;
    };
}

const isStream = (body: unknown): body is Body =>
  typeof (body as Partial<Body> | undefined)?.destroy === "function";

/** By this name the SDK knows an error that is worth another attempt. */
const tooSlow = (attemptMs: number) =>
  Object.assign(new Error(`expected the whole answer within ${attemptMs} ms, got a part of it`), {
    name: "TimeoutError",
  });
