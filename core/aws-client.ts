/**
 * AWS clients with a limit on the duration of each call. By default, the `requestTimeout` of the AWS SDK's HTTP handler only
 * warns, and it covers only the headers of a response: a body that stalls would be awaited forever.
 */

/** The maximum duration of an AWS call: `attempts` times `attemptMs`, plus the pauses between attempts. */
export interface CallLimits {
  /** Attempts of a call, including the first one. */
  attempts: number;
  /** From the start of an attempt to the last byte of its response, in milliseconds. */
  attemptMs: number;
}

/** Makes a client's connections: an agent of Node.js's HTTP client, such as that of a proxy. */
export type ConnectionAgent = object;

/** For functions, which run close to AWS's services. A healthy call takes milliseconds. */
export const CALL_LIMITS: CallLimits = { attempts: 3, attemptMs: 2000 };

/** For programs outside of AWS. */
export const REMOTE_CALL_LIMITS: CallLimits = { attempts: 3, attemptMs: 10_000 };

export type HttpHandler = (args: unknown) => Promise<{ response: unknown }>;

interface Middleware {
  add(
    middleware: (next: HttpHandler) => HttpHandler,
    options: { step: "deserialize"; name: string; priority: "low" },
  ): void;
}

interface Body {
  destroy(error: Error): void;
  once(event: "close", listener: () => void): void;
}

/**
 * A client that ends an attempt after `attemptMs` and closes its connection, whether the server does not accept it, does not
 * complete the handshake, does not respond, or stops in the middle of its response.
 *
 * @param Client a client class of the AWS SDK for JavaScript, version 3
 * @param config the client's other settings
 * @param agent makes its connections, such as `proxyAgent()` of the SDK
 */
export function boundedClient<C extends { middlewareStack: object }, Config extends object>(
  Client: new (config: Config) => C,
  config: Config,
  { attempts, attemptMs }: CallLimits = REMOTE_CALL_LIMITS,
  agent?: ConnectionAgent,
): C {
  const client = new Client({
    maxAttempts: attempts,
    requestHandler: {
      connectionTimeout: Math.min(1000, attemptMs),
      requestTimeout: attemptMs,
      throwOnRequestTimeout: true,
      ...(agent && { httpAgent: agent, httpsAgent: agent }),
    },
    ...config,
  });
  aroundHttp(client, "agentHeartbeatCallLimit", endingAnswers(attemptMs));
  return client;
}

/** Puts a middleware of a client or a command directly around the HTTP handler, before the response is read. */
export function aroundHttp(
  { middlewareStack }: { middlewareStack: object },
  name: string,
  middleware: (next: HttpHandler) => HttpHandler,
): void {
  // Low priority: inside of the deserializer, which throws for a refusal.
  (middlewareStack as Middleware).add(middleware, { step: "deserialize", name, priority: "low" });
}

function endingAnswers(attemptMs: number) {
  return (next: HttpHandler): HttpHandler =>
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
