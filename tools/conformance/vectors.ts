/**
 * The vectors of `conformance/vectors.json`: inputs, and the outputs of every correct client. The answers are the
 * TypeScript client's own, so that the file changes when the client does, and clients in other languages notice.
 */

import { createPrivateKey } from "node:crypto";
import { ID_PATTERN } from "../../core/agent-id";
import { HEARTBEAT, LIMITS } from "../../core/limits";
import { audienceOf, LOGIN_TOKEN_TTL_SECONDS } from "../../core/login-claims";
import { decodeServerMessage } from "../../core/server-messages";
import { agentToken, isPattern, isSubject, matchesSubject } from "../../core/subject";
import { Backoff, builtInSchedules, type FailureKind } from "../../sdk/src/connection/backoff";
import type { ConnectionEnd } from "../../sdk/src/connection/connection";
import { failureOf, retryAfterMs } from "../../sdk/src/connection/failure";
import { publicKeyOf } from "../../sdk/src/connection/keys";
import { advisedWindowMs, fleetWindowMs } from "../../sdk/src/connection/reconnect-window";
import { proofMaker } from "../../sdk/src/platform/aws-proof";

const URLS = [
  "wss://h.example/prod",
  "wss://H.Example/prod/",
  "wss://h.example:443/prod",
  "ws://h.example:80/prod",
  "ws://h.example:443/prod",
  "wss://h.example:80/prod",
  "wss://h.example:8443/Prod",
  "ws://127.0.0.1:8787/prod//",
  "ws://localhost:8787/prod",
  "ws://[::1]:8787/prod",
  "wss://h.example",
  "wss://h.example/",
  "wss://h.example/prod?x=1#y",
  "wss://h.example/a/../prod/.",
  "wss://bücher.example/prod",
];

const IDS = [
  "a",
  "worker-1",
  "A_b-9",
  "x".repeat(128),
  "x".repeat(129),
  "worker-0.workers.default.svc",
  "celery@host.example.com",
  "i-0abc:8080",
  "arn:aws:ecs:eu-west-1:123456789012:task/cluster/0123456789abcdef",
  "Team%20A/base64+x=",
  "",
  "a b",
  "a~b",
  "a#b",
  ".a",
  "=a",
  "+a",
  "@a",
  "ä",
  "/a",
  "*",
  ">",
  "a\n",
];

const SUBJECTS = [
  "a",
  "tasks.process",
  "a-1._b.C",
  "",
  ".",
  "a.",
  ".a",
  "a..b",
  "a b",
  "ä",
  "a\n",
  "a.*",
  ">",
].concat(
  "x".repeat(LIMITS.subjectLength),
  "x".repeat(LIMITS.subjectLength + 1),
  Array(LIMITS.subjectTokens).fill("a").join("."),
  Array(LIMITS.subjectTokens + 1)
    .fill("a")
    .join("."),
);

const PATTERNS = ["*", ">", "a.*", "a.>", "*.b", "a.*.c", ">.a", "a.>.b", "a*", "a.**", ""];

const MATCHES = [
  ["a", "a"],
  ["a", "a.b"],
  ["a.*", "a.b"],
  ["a.*", "a"],
  ["a.*", "a.b.c"],
  ["a.>", "a"],
  ["a.>", "a.b"],
  ["a.>", "a.b.c"],
  ["a.>", "ab.c"],
  [">", "a"],
  ["*", "a.b"],
  ["*.b", "a.b"],
  ["a.*.c", "a.b.c"],
  ["a.*.>", "a.b"],
] as const;

const ENDS: ConnectionEnd[] = [
  ...[1000, 1001, 1002, 1005, 1006, 1008, 1009, 1011, 1012, 1013, 3000, 4000].map((code) => ({
    how: "closed" as const,
    code,
    reason: "",
  })),
  ...[301, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504].map((status) => ({
    how: "refused" as const,
    status,
  })),
  { how: "failed", error: new Error("no network") },
];

const AGES_MS = [1000, LIMITS.connectionDurationMs];

const RETRY_AFTER = [
  { retryAfter: "7" },
  { retryAfter: "0" },
  { retryAfter: "-1" },
  { retryAfter: "99999999" },
  { retryAfter: "soon" },
  { retryAfter: "Thu, 01 Jan 2026 00:01:00 GMT", date: "Thu, 01 Jan 2026 00:00:30 GMT" },
  { retryAfter: "Thu, 01 Jan 2026 00:01:00 GMT", date: "Thu, 01 Jan 2026 00:02:00 GMT" },
];

const WINDOWS = [0, 999, 1000, 60_000, 3_600_000, 1e12, -5];

const FRAMES = [
  "",
  "null",
  "[]",
  "{",
  "7",
  '{"a":1}',
  '{"type":7}',
  '{"type":"x","n":NaN}',
  "[".repeat(5000),
  '{"type":"from_the_future","id":"1"}',
  '{"type":"superseded","more":[1]}',
  '{"type":"subscribed","subject":"a","id":"1","more":{}}',
  '{"type":"subscribed","id":"1"}',
  '{"type":"published","subject":"a","reached":"2","id":"1"}',
  '{"type":"published","subject":"a","reached":1e999,"id":"1"}',
  '{"type":"heartbeat_ack","serverTime":1,"leaseExpiresAt":2,"heartbeatInterval":"5"}',
  '{"type":"heartbeat_ack","serverTime":"1","leaseExpiresAt":2}',
  '{"type":"message","subject":"a"}',
  '{"type":"message","subject":7,"data":1}',
  '{"type":"message","subject":"a","data":[1,{"b":null}],"messageId":"m","from":"x","replyTo":"_inbox.x.1"}',
  '{"type":"message","subject":"a","data":1,"messageId":7,"from":null,"replyTo":[]}',
  '{"type":"message","subject":"a","data":1,"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","tracestate":"v=1"}',
  '{"type":"message","subject":"a","data":1,"traceparent":7,"tracestate":{}}',
  '{"type":"error","code":"internal","message":"no","id":7}',
  '{"type":"error","code":"from_the_future","message":"no"}',
  '{"type":"error","message":"no"}',
  '{"type":"agents","agents":[],"cursor":null,"serverTime":1}',
  '{"type":"agents","agents":[{}],"cursor":null,"serverTime":1}',
];

/** Test keys, which nothing accepts. */
const KEYS = [
  `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
`,
  `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2
OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r
1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G
-----END PRIVATE KEY-----
`,
];

/** Everything in it is JSON. */
export async function vectors() {
  return {
    limits: {
      messageBytes: LIMITS.messageBytes,
      frameBytes: LIMITS.frameBytes,
      profileBytes: LIMITS.profileBytes,
      capabilities: LIMITS.capabilities,
      activityTextLength: LIMITS.activityTextLength,
      connectionDurationMs: LIMITS.connectionDurationMs,
      tokenSeconds: LOGIN_TOKEN_TTL_SECONDS,
      ...HEARTBEAT,
    },
    audiences: URLS.map((url) => ({ url, audience: audienceOf(url) })),
    keys: await Promise.all(
      KEYS.map(async (pem) => {
        const { keyId, algorithm } = await publicKeyOf(
          createPrivateKey(pem).export({ type: "pkcs8", format: "pem" }).toString(),
        );
        return { pem, keyId, algorithm };
      }),
    ),
    ids: IDS.map((id) => ({ id, valid: ID_PATTERN.test(id), token: agentToken(id) })),
    subjects: SUBJECTS.map((subject) => ({ subject, valid: isSubject(subject) })),
    patterns: [...PATTERNS, ...SUBJECTS].map((pattern) => ({ pattern, valid: isPattern(pattern) })),
    matches: MATCHES.map(([pattern, subject]) => ({
      pattern,
      subject,
      matches: matchesSubject(pattern, subject),
    })),
    ends: ENDS.map((end) => ({
      end: end.how === "failed" ? { how: "failed" } : end,
      kind: failureOf(end).kind,
      fleetWindowsMs: AGES_MS.map((ageMs) => ({ ageMs, ms: fleetWindowMs(end, ageMs, 600_000) })),
    })),
    advisedWindows: WINDOWS.map((value) => ({ value, ms: advisedWindowMs(value) })),
    retryAfter: RETRY_AFTER.map((header) => ({
      ...header,
      ms: retryAfterMs({ status: 503, ...header }, Date.UTC(2026, 0, 1)),
    })),
    backoff: schedules(),
    awsProofs: await proofs(),
    frames: FRAMES.map((frame) => ({ frame, message: decodeServerMessage(frame) ?? null })),
  };
}

/** Presigned requests, with credentials that are none. */
async function proofs() {
  const time = Date.UTC(2026, 10, 27, 23, 59, 59);
  const credentials = {
    accessKeyId: "ASIAEXAMPLEEXAMPLE00",
    secretAccessKey: "example/secret+key",
    sessionToken: "IQoJb3JpZ2lu/+== example!'()*~",
  };
  const binding = {
    organizationId: "Team%20A/x+y=z",
    enrolmentId: "0123456789abcdef",
    agentId: "worker-1@host",
    keyId: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
  };
  const given = [
    { region: "eu-west-1", audience: "https://agents.example.com" },
    { region: "us-gov-west-1", audience: "http://127.0.0.1:8788" },
    { region: "cn-north-1", audience: "https://abc.lambda-url.cn-north-1.on.aws" },
    { region: "eusc-de-east-1", audience: "https://h.example" },
    { region: "us-isob-east-1", audience: "https://h.example" },
  ];
  return Promise.all(
    given.map(async ({ region, audience }) => {
      const { url } = await proofMaker(
        { credentials, region },
        () => time,
      )({ audience, ...binding });
      const { host, searchParams } = new URL(url);
      return {
        time,
        region,
        audience,
        credentials,
        binding,
        host,
        parameters: Object.fromEntries(searchParams),
      };
    }),
  );
}

/** Delays of repeated failures, with given random numbers. */
function schedules() {
  const randoms = [0.5, 0, 0.999, 0.25, 1 / 3, 0.5, 0.75, 0.1, 0.9, 0.5];
  const kinds: FailureKind[] = [
    "network",
    "gateway",
    "throttled",
    "unavailable",
    "refused",
    "conflict",
    "unresponsive",
  ];
  const waits = [
    { baseMs: 1000, maxMs: 60_000 },
    { baseMs: 250, maxMs: 5000 },
  ];
  const hints = [
    { retryAfterMs: 0, fleetWindowMs: 0 },
    { retryAfterMs: 7000, fleetWindowMs: 600_000 },
  ];
  return kinds.flatMap((kind) =>
    waits.flatMap((wait) =>
      hints.map((hint) => {
        const left = [...randoms];
        const backoff = new Backoff(
          { builtIn: builtInSchedules(wait.baseMs, wait.maxMs) },
          { random: () => left.shift() ?? 0 },
        );
        const delaysMs = randoms.map(() => Math.round(backoff.next(kind, hint)));
        return { kind, ...wait, ...hint, randoms, delaysMs };
      }),
    ),
  );
}
