/** Level `presence`: logins, heartbeats, the end of connections, and the end of an agent. */

import type { SentMessage } from "@agent-heartbeat/sdk/testing";
import type { Scenario } from "./trial";

/** What closes a connection without the client's doing: gateway, network, fault. */
const CLOSE_CODES = [1000, 1001, 1005, 1006, 1008, 1009, 1011, 1012, 1013, 4000];
const STATUSES = [301, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504];
const FRAMES = [
  "",
  "null",
  "[]",
  "{",
  "7",
  '{"type":7}',
  '{"a":1}',
  '{"type":"x","n":NaN}',
  "[".repeat(5000),
];

const HEARTBEATS = ["heartbeat", "heartbeat_quiet"];

export const PRESENCE: Scenario[] = [
  {
    level: "presence",
    name: "It logs in with a valid token, as the second of two subprotocols in one header.",
    async play(trial) {
      await trial.start();
      await trial.service.connection();
      trial.expectValidLogins();
      const { heartbeat_interval: interval, heartbeat_timeout: timeout } =
        trial.service.logins[0]?.claims ?? {};
      trial.expect(
        interval === 1 && timeout === 3,
        "its interval and time-out in the claims, in seconds",
      );
    },
  },
  {
    level: "presence",
    name: "It sends a heartbeat as its first message, and continues on the same connection.",
    async play(trial) {
      await trial.start();
      const connection = await trial.service.connection();
      await connection.message("heartbeat", 4);
      const { messages } = connection;
      trial.expect(
        messages[0]?.type === "heartbeat",
        "a heartbeat as the first message",
        messages[0],
      );
      trial.expect(trial.service.logins.length === 1, "one connection");
    },
  },
  {
    level: "presence",
    name: "It requests an ack with every third heartbeat if it is configured to.",
    async play(trial) {
      await trial.start({ ackEvery: 3 });
      const connection = await trial.service.connection();
      await connection.message("heartbeat", 3);
      const kinds = connection.ofType(...HEARTBEATS).map(({ type }) => type);
      const expected = ["heartbeat", "heartbeat_quiet", "heartbeat_quiet"];
      trial.expect(
        kinds.every((kind, index) => kind === expected[index % 3]),
        "two heartbeat_quiet after each heartbeat",
        kinds,
      );
    },
  },
  {
    level: "presence",
    name: "It sends heartbeats at the interval that an ack contains.",
    async play(trial) {
      trial.service.answers = false;
      await trial.start({ heartbeatInterval: 300 });
      const connection = await trial.service.connection();
      for (let count = 1; count <= 3; count++) {
        await connection.message("heartbeat", count);
        const now = Date.now();
        connection.send({
          type: "heartbeat_ack",
          serverTime: now,
          leaseExpiresAt: now,
          heartbeatInterval: 1,
        });
      }
    },
  },
  {
    level: "presence",
    name: "It replaces a connection on which nothing arrives.",
    async play(trial) {
      trial.service.answers = false;
      await trial.start({ heartbeatTimeoutMultiplier: 1.5 });
      const silent = await trial.service.connection();
      trial.service.answers = true;
      const next = await trial.service.connection(2);
      await next.message("heartbeat", 2);
      trial.expect(
        silent.closed !== null || silent.ofType("heartbeat").length < 5,
        "it to leave the silent one",
      );
      trial.expectValidLogins();
    },
  },
  ...CLOSE_CODES.map(
    (code): Scenario => ({
      level: "presence",
      name: `It reconnects after a close with ${code}, and continues its heartbeats.`,
      async play(trial) {
        await trial.start();
        const first = await trial.service.connection();
        await first.message("heartbeat");
        first.close(code);
        const next = await trial.service.connection(2);
        await next.message("heartbeat");
        trial.expectValidLogins();
      },
    }),
  ),
  ...STATUSES.map(
    (status): Scenario => ({
      level: "presence",
      name: `It tries again after a login was refused with ${status}, with a new token each time.`,
      async play(trial) {
        trial.service.refuse = () => (trial.service.logins.length > 2 ? undefined : { status });
        await trial.start();
        const connection = await trial.service.connection();
        await connection.message("heartbeat");
        trial.expect(
          trial.service.logins.length === 3,
          "three logins",
          trial.service.logins.length,
        );
        trial.expectValidLogins();
      },
    }),
  ),
  {
    level: "presence",
    name: "It waits as long as Retry-After says.",
    async play(trial) {
      const refusedAt: number[] = [];
      trial.service.refuse = () => {
        if (refusedAt.length > 0) return undefined;
        refusedAt.push(performance.now());
        return { status: 429, headers: { "Retry-After": "2" } };
      };
      await trial.start();
      await trial.service.login(2);
      const waitedMs = performance.now() - (refusedAt[0] ?? 0);
      trial.expect(waitedMs >= 1900, "no login before two seconds were over", Math.round(waitedMs));
    },
  },
  {
    level: "presence",
    name: "It corrects a wrong clock with the header Date of a refused login.",
    async play(trial) {
      const ahead = 600_000;
      trial.service.refuse = ({ claims }) => {
        const serverNow = Date.now() + ahead;
        if (Math.abs((claims.iat ?? 0) * 1000 - serverNow) < 30_000) return undefined;
        return { status: 403, headers: { Date: new Date(serverNow).toUTCString() } };
      };
      await trial.start();
      await trial.service.connection();
      trial.expect(
        trial.service.logins.length === 2,
        "a right time in the second login",
        trial.service.logins.length,
      );
    },
  },
  {
    level: "presence",
    name: "It ignores empty frames, frames that are not messages, and messages of an unknown type.",
    async play(trial) {
      await trial.start();
      const connection = await trial.service.connection();
      await connection.message("heartbeat");
      for (const frame of FRAMES) connection.send(frame);
      connection.send(new Uint8Array([1, 2, 3]));
      connection.send({ type: "from_the_future", id: "1", more: [{}] });
      connection.send({ type: "heartbeat_ack", serverTime: "soon", leaseExpiresAt: null });
      connection.send({ type: "error", code: "from_the_future", message: "no" });
      const sent = connection.ofType("heartbeat").length;
      await connection.message("heartbeat", sent + 2);
      trial.expect(trial.service.logins.length === 1, "one connection");
    },
  },
  {
    level: "presence",
    name: "After superseded it sends nothing but answers, and never reconnects.",
    async play(trial) {
      await trial.start();
      const connection = await trial.service.connection();
      await connection.message("heartbeat", 2);
      connection.send({ type: "superseded" });
      const { how } = await trial.client.event("ended");
      trial.expect(how === "superseded", 'it to end as "superseded"', how);
      const { code } = await connection.ended();
      trial.expect(code === 1000, "a close with 1000", code);
      trial.expect(trial.service.logins.length === 1, "one login", trial.service.logins.length);
    },
  },
  {
    level: "presence",
    name: "It treats revoked as a refused login, and logs in again.",
    async play(trial) {
      await trial.start();
      const connection = await trial.service.connection();
      await connection.message("heartbeat");
      connection.send({ type: "error", code: "revoked", message: "the agent was disabled" });
      connection.close(1000);
      await trial.service.connection(2);
      trial.expectValidLogins();
    },
  },
  {
    level: "presence",
    name: "It closes with 1000 when it is stopped.",
    async play(trial) {
      await trial.start();
      const connection = await trial.service.connection();
      await connection.message("heartbeat");
      await trial.client.call("stop");
      const { code } = await connection.ended();
      trial.expect(code === 1000, "a close with 1000", code);
      const { how } = await trial.client.event("ended");
      trial.expect(how === "stop", 'it to end as "stop"', how);
    },
  },
  {
    level: "presence",
    name: "It reports draining in a heartbeat, and closes with the reason drained.",
    async play(trial) {
      await trial.start();
      const connection = await trial.service.connection();
      await connection.message("heartbeat");
      await trial.client.call("drain");
      const { code, reason } = await connection.ended();
      trial.expect(code === 1000 && reason === "drained", "1000 with the reason drained", {
        code,
        reason,
      });
      const last = connection.ofType(...HEARTBEATS).at(-1);
      trial.expect(stateOf(last) === "draining", "a last heartbeat that says draining", last);
    },
  },
  {
    level: "presence",
    name: "It knows whether its connection is healthy.",
    async play(trial) {
      await trial.start();
      const connection = await trial.service.connection();
      await connection.message("heartbeat", 2);
      const health = (await trial.client.call("health")) as { healthy?: unknown };
      trial.expect(health.healthy === true, "healthy while it is acknowledged", health);
      trial.service.refuse = () => ({ status: 503 });
      connection.close(1012);
      await trial.service.login(2);
      const after = (await trial.client.call("health")) as { healthy?: unknown };
      trial.expect(after.healthy === false, "not healthy without a connection", after);
    },
  },
];

const stateOf = (message: SentMessage | undefined) =>
  (message?.activity as { state?: unknown } | undefined)?.state;
