/** Checks of a deployment for behaviour that AWS's documentation does not specify. */

import { randomBytes, randomUUID } from "node:crypto";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import { audienceOf, SUBPROTOCOL } from "@agent-heartbeat/sdk/protocol";
import { WebSocket } from "ws";
import type { Target } from "../../testing/e2e/target";
import { loginClaims, signToken, type TestKey, testKey } from "../../testing/login";

export interface Answer {
  /** The check's name in docs/first-deployment.md. */
  name: CheckName;
  /** `otherwise` does not fail the run. */
  outcome: "as expected" | "otherwise" | "not asked";
  /** The observation, or why the check was skipped. */
  found: string;
}

export const CHECKS = {
  "header-case": "a client that writes `sec-websocket-protocol` in lower case is let in",
  "empty-frames": "a quiet heartbeat brings no frame",
  "throttled-messages": "an open connection that is throttled receives an error and stays open",
  "clock-skew": "the hosts of the gateway agree about the time within a second",
  "disconnect-after-refusal": "`$disconnect` is not called for a login that `$connect` has refused",
  "metric-dimensions": "the gateway's metrics have the dimensions `ApiId` and `Stage`",
} as const;

export type CheckName = keyof typeof CHECKS;

/** Queries of CloudWatch. */
export interface Metrics {
  /** The dimensions of each of the gateway's metrics, for example `ConnectCount: ApiId, Stage`. */
  gatewayDimensions(): Promise<string[]>;
  /** The number of invocations of the `$disconnect` function between two whole minutes. */
  disconnects(from: number, to: number): Promise<number>;
  /** Waits for the beginning of a minute, and returns it. */
  nextMinute(): Promise<number>;
}

export interface CheckContext {
  target: Target;
  organizationId: string;
  /** Undefined on an emulator. */
  metrics: Metrics | undefined;
}

/** The limits of the route `history` in the deployment under test. */
export const HISTORY_BURST = 10;

/** Connections that are asked for the time. Most of them are handled by different hosts. */
const CLOCKS = 20;
const SKEW_MS = 1000;
/** How long to wait before concluding that nothing arrives. */
const SILENCE_MS = 3000;
const REFUSALS = 3;

export async function runChecks(context: CheckContext): Promise<Answer[]> {
  const { target, organizationId, metrics } = context;
  const agentId = `checked-${randomBytes(4).toString("hex")}`;
  const key = await testKey();
  await target.registry.register({ organizationId, agentId, publicKey: key.jwk as never });
  const login = (claims: object = {}) => ({
    org: organizationId,
    iss: agentId,
    sub: agentId,
    instance_id: randomUUID(),
    ...claims,
  });
  const asked: [CheckName, () => Promise<Omit<Answer, "name">>][] = [
    ["header-case", () => headerCase(target.url, key, login())],
    ["empty-frames", () => emptyFrames(target.url, key, login())],
    ["throttled-messages", () => throttled(context, key, login())],
    ["clock-skew", () => clockSkew(target.url, key, login())],
    ["disconnect-after-refusal", () => refusals(target.url, key, login, metrics)],
    ["metric-dimensions", () => dimensions(metrics)],
  ];
  const answers: Answer[] = [];
  for (const [name, ask] of asked) {
    const answer = await ask().catch((error: Error) => otherwise(`it failed: ${error.message}`));
    answers.push({ name, ...answer });
  }
  await target.registry.remove({ organizationId, agentId });
  return answers;
}

const expected = (found: string) => ({ outcome: "as expected", found }) as const;
const otherwise = (found: string) => ({ outcome: "otherwise", found }) as const;
const notAsked = (found: string) => ({ outcome: "not asked", found }) as const;
const judged = (well: boolean, found: string) => (well ? expected(found) : otherwise(found));

const tokenOf = (url: string, key: TestKey, claims: object) =>
  signToken(key, loginClaims(audienceOf(url), Date.now(), claims));

/** Sends the handshake as a plain request, because WebSocket libraries choose the header's case. */
async function headerCase(url: string, key: TestKey, claims: object) {
  const token = await tokenOf(url, key, claims);
  const request = url.startsWith("wss:") ? httpsRequest : httpRequest;
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request(url.replace(/^ws/, "http"), {
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": randomBytes(16).toString("base64"),
        "sec-websocket-protocol": `${SUBPROTOCOL}, ${token}`,
      },
    });
    sent.on("upgrade", ({ statusCode }, socket) => {
      socket.destroy();
      resolve(statusCode);
    });
    sent.on("response", (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on("error", reject);
    sent.end();
  });
  return judged(status === 101, `answered by ${status}`);
}

/** A connection that records every frame unchanged. */
async function open(url: string, key: TestKey, claims: object) {
  const socket = new WebSocket(url, [SUBPROTOCOL, await tokenOf(url, key, claims)]);
  const frames: string[] = [];
  let wake = () => {};
  socket.on("message", (data) => {
    frames.push(String(data));
    wake();
  });
  let closed: number | undefined;
  socket.on("close", (code) => {
    closed = code;
    wake();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return {
    frames,
    send: (message: object) => socket.send(JSON.stringify(message)),
    closedBy: () => closed,
    /** Waits until the frames match, the connection ends, or nothing arrives for a while. */
    async until(fits: () => boolean): Promise<void> {
      while (!fits() && closed === undefined) {
        const came = await Promise.race([
          new Promise<true>((resolve) => {
            wake = () => resolve(true);
          }),
          wait(SILENCE_MS, false as const, { ref: false }),
        ]);
        if (!came) return;
      }
    },
    close: () => socket.close(),
  };
}

async function emptyFrames(url: string, key: TestKey, claims: object) {
  const connection = await open(url, key, claims);
  connection.send({ type: "heartbeat_quiet" });
  await connection.until(() => connection.frames.length > 0);
  const quiet = connection.frames.length;
  connection.send({ type: "heartbeat", id: "asked" });
  await connection.until(() => connection.frames.some((frame) => frame.includes('"asked"')));
  const all = connection.frames.length;
  connection.close();
  return judged(
    quiet === 0 && all === 1,
    `${quiet} frames for a quiet heartbeat, ${all - quiet} for one that wants an ack`,
  );
}

async function throttled({ target }: CheckContext, key: TestKey, claims: object) {
  const connection = await open(target.url, key, claims);
  const sent = HISTORY_BURST * 4;
  for (let n = 0; n < sent; n++) {
    connection.send({ type: "history", agentId: "nobody", id: String(n) });
  }
  await connection.until(() => connection.frames.length >= sent);
  const answered = connection.frames.filter((frame) => frame.includes('"type":"history"')).length;
  const [refusal] = connection.frames.filter((frame) => !frame.includes('"type"'));
  const closed = connection.closedBy();
  connection.close();
  const refused = connection.frames.length - answered;
  const found =
    `${sent} messages at once where ${HISTORY_BURST} are taken: ${answered} answered, ${refused} refused by a frame` +
    `${refusal ? `, the first ${refusal.slice(0, 120)}` : ""}` +
    `${closed === undefined ? ", still open" : `, closed by ${closed}`}`;
  return judged(answered > 0 && refused > 0 && closed === undefined, found);
}

/** All connections are those of one process: very many processes within seconds are refused for a while. */
async function clockSkew(url: string, key: TestKey, claims: object) {
  const offsets: number[] = [];
  for (let n = 0; n < CLOCKS; n++) {
    const connection = await open(url, key, claims);
    const began = Date.now();
    connection.send({ type: "heartbeat", id: "clock" });
    await connection.until(() => connection.frames.some((frame) => frame.includes('"clock"')));
    const ack = connection.frames.find((frame) => frame.includes('"clock"'));
    if (ack) offsets.push(JSON.parse(ack).serverTime - (began + Date.now()) / 2);
    connection.close();
  }
  if (offsets.length < 2) return notAsked("no heartbeat was acknowledged");
  const spread = Math.round(Math.max(...offsets) - Math.min(...offsets));
  return judged(spread < SKEW_MS, `${offsets.length} connections differ by ${spread} ms at most`);
}

async function refusals(
  url: string,
  key: TestKey,
  login: (claims?: object) => object,
  metrics: Metrics | undefined,
) {
  if (!metrics) return notAsked("there is no CloudWatch to count it");
  const holder = await open(url, key, login());
  const from = await metrics.nextMinute();
  const statuses: number[] = [];
  for (let n = 0; n < REFUSALS; n++) {
    const token = await tokenOf(url, key, login({ on_duplicate: "reject" }));
    statuses.push(await refusalOf(url, [SUBPROTOCOL, token]));
  }
  const to = await metrics.nextMinute();
  holder.close();
  const count = await metrics.disconnects(from, to);
  return judged(count === 0, `${count} calls after refusals by ${statuses.join(", ")}`);
}

const refusalOf = (url: string, protocols: string[]) =>
  new Promise<number>((resolve) => {
    const socket = new WebSocket(url, protocols);
    socket.on("unexpected-response", (request, { statusCode = 0 }) => {
      request.destroy();
      resolve(statusCode);
    });
    socket.on("open", () => {
      socket.close();
      resolve(101);
    });
    socket.on("error", () => {});
  });

async function dimensions(metrics: Metrics | undefined) {
  if (!metrics) return notAsked("there is no CloudWatch to look at");
  const found = await metrics.gatewayDimensions();
  if (found.length === 0) return notAsked("CloudWatch has no metric of the API yet");
  const needed = ["ConnectCount", "MessageCount"].map((name) => `${name}: ApiId, Stage`);
  return judged(
    needed.every((metric) => found.includes(metric)),
    found.join("; "),
  );
}
