/** Level `messages`: subscriptions, handlers, requests and answers. */

import { LIMITS } from "@agent-heartbeat/sdk/protocol";
import type { FakeConnection } from "@agent-heartbeat/sdk/testing";
import { CallFailed } from "./client";
import type { Scenario, Trial } from "./trial";

export const MESSAGES: Scenario[] = [
  {
    level: "messages",
    name: "It subscribes to the patterns of its handlers on each connection.",
    async play(trial) {
      const first = await subscribed(trial, ["tasks.process", "news.>"]);
      first.close(1006);
      const next = await trial.service.connection(2);
      await next.message("subscribe", 2);
      const subjects = next.ofType("subscribe").map(({ subject }) => String(subject));
      trial.expect(
        subjects.sort().join() === "news.>,tasks.process",
        "both subscriptions",
        subjects,
      );
    },
  },
  {
    level: "messages",
    name: "It retries a subscription that failed, but not one that was refused.",
    async play(trial) {
      trial.service.answers = false;
      await trial.start({ patterns: ["a.b"] });
      const connection = await trial.service.connection();
      const first = await connection.message("subscribe");
      connection.send({ type: "error", code: "internal", message: "again", id: first.id });
      const again = await connection.message("subscribe", 2);
      trial.expect(again.id !== first.id, "an id of its own for each", again.id);
      connection.send({ type: "error", code: "forbidden", message: "no", id: again.id });
      connection.answers = true;
      await trial.client.call("publish", { subject: "x.y", data: 1 });
      trial.expect(connection.ofType("subscribe").length === 2, "no third subscription");
    },
  },
  {
    level: "messages",
    name: "It handles the messages of a subject in order, and a duplicate only once.",
    async play(trial) {
      const connection = await subscribed(trial, ["tasks.*"]);
      for (const [messageId, data] of [
        ["1", 1],
        ["2", 2],
        ["2", 2],
        ["3", 3],
      ] as const) {
        connection.send({ type: "message", messageId, subject: "tasks.a", data, from: "b" });
      }
      await trial.client.event("message", ({ data }) => data === 3);
      const heard = trial.client.events.filter(({ event }) => event === "message");
      trial.expect(heard.map(({ data }) => data).join() === "1,2,3", "1, 2, 3", heard);
    },
  },
  {
    level: "messages",
    name: "It subscribes to its groups on each connection.",
    async play(trial) {
      const first = await subscribed(trial, ["tasks.*"], { "tasks.*": "workers" });
      first.close(1006);
      const next = await trial.service.connection(2);
      await next.message("subscribe");
      const groups = next.ofType("subscribe").map(({ subject, group }) => `${subject} ${group}`);
      trial.expect(groups.join() === "tasks.* workers", "tasks.* in the group workers", groups);
    },
  },
  {
    level: "messages",
    name: "It handles messages for its group and for itself, but not those for other groups.",
    async play(trial) {
      const groups = { "tasks.*": "workers" };
      const connection = await subscribed(trial, ["tasks.*", "news.>"], groups);
      const deliver = (data: number, subject: string, more: object) =>
        connection.send({
          type: "message",
          messageId: `m${data}`,
          subject,
          data,
          from: "b",
          ...more,
        });
      deliver(1, "tasks.a", { group: "workers" });
      deliver(2, "tasks.a", {});
      deliver(3, "tasks.a", { group: "backup" });
      deliver(4, "tasks.a", { direct: true });
      deliver(5, "news.a", {});
      await trial.client.event("message", ({ data }) => data === 5);
      await trial.client.event("message", ({ data }) => data === 4);
      const heard = trial.client.events.filter(({ event }) => event === "message");
      const numbers = heard.map(({ data }) => data).sort();
      trial.expect(numbers.join() === "1,4,5", "1, 4 and 5", heard);
    },
  },
  {
    level: "messages",
    name: "It answers a request on its replyTo subject.",
    async play(trial) {
      const connection = await subscribed(trial, ["tasks.*"]);
      const replyTo = "_inbox.planner.1";
      connection.send({
        type: "message",
        messageId: "1",
        subject: "tasks.a",
        data: { n: 1 },
        from: "planner",
        replyTo,
      });
      const { subject, data } = await connection.message("publish");
      trial.expect(subject === replyTo, `an answer on ${replyTo}`, subject);
      const expected = JSON.stringify({ result: { echo: { n: 1 } } });
      trial.expect(JSON.stringify(data) === expected, expected, data);
    },
  },
  {
    level: "messages",
    name: "It answers a request without a handler with an error.",
    async play(trial) {
      const connection = await subscribed(trial, ["tasks.*"]);
      connection.send({
        type: "message",
        messageId: "1",
        subject: "direct",
        data: 1,
        from: "b",
        replyTo: "_inbox.b.1",
      });
      const { data } = await connection.message("publish");
      const { code } = (data as { error?: { code?: unknown } }).error ?? {};
      trial.expect(code === "no_handler", "the error no_handler", data);
    },
  },
  {
    level: "messages",
    name: "It publishes, and returns how many processes were reached.",
    async play(trial) {
      const connection = await subscribed(trial, []);
      const reached = await trial.client.call("publish", {
        subject: "a.b",
        data: { n: [1, null, "ü"] },
      });
      trial.expect(reached === 1, "1 as the number of processes", reached);
      const { data } = await connection.message("publish");
      trial.expect(JSON.stringify(data) === '{"n":[1,null,"ü"]}', "the data as it was given", data);
    },
  },
  {
    level: "messages",
    name: "It sends a large message in frames that the gateway accepts.",
    async play(trial) {
      const connection = await subscribed(trial, []);
      await trial.client.call("publish", { subject: "a.b", data: "ü".repeat(50_000) });
      const { longestFrame } = connection;
      trial.expect(
        longestFrame <= LIMITS.frameBytes,
        `frames of at most ${LIMITS.frameBytes} bytes`,
        longestFrame,
      );
    },
  },
  {
    level: "messages",
    name: "It refuses to send a message that is too large.",
    async play(trial) {
      const connection = await subscribed(trial, []);
      const refused = await failureOf(
        trial.client.call("publish", { subject: "a.b", data: "x".repeat(140_000) }),
      );
      trial.expect(refused !== undefined, "an error");
      trial.expect(connection.ofType("publish").length === 0, "nothing sent");
    },
  },
  {
    level: "messages",
    name: "It sends a request, and returns the matching answer.",
    async play(trial) {
      const connection = await subscribed(trial, []);
      const asked = trial.client.call("request", { subject: "tasks.do", data: 7 });
      const { replyTo } = await connection.message("publish");
      trial.expect(
        typeof replyTo === "string" && replyTo.startsWith(`_inbox.${trial.agentId}.`),
        `replyTo under _inbox.${trial.agentId}`,
        replyTo,
      );
      const answer = (subject: unknown, result: unknown, messageId: string) =>
        connection.send({ type: "message", messageId, subject, data: { result }, from: "b" });
      answer(`_inbox.${trial.agentId}.another`, "wrong", "1");
      answer(replyTo, { right: true }, "2");
      const result = JSON.stringify(await asked);
      trial.expect(result === '{"right":true}', "the answer on its subject", result);
    },
  },
  {
    level: "messages",
    name: "It rejects a request that reaches nobody, is refused, or is not answered in time.",
    async play(trial) {
      const connection = await subscribed(trial, []);
      const ask = (number: number) =>
        failureOf(trial.client.call("request", { subject: "a.b", timeout: number }));
      trial.service.reached = 0;
      const unheard = await ask(60);
      trial.expect(unheard === "NoReceiverError", "NoReceiverError", unheard);
      trial.service.answer = ({ type }) => (type === "publish" ? null : undefined);
      const sent = connection.ofType("publish").length;
      const refused = ask(60);
      const second = await connection.message("publish", sent + 1);
      connection.send({ type: "error", code: "rate_limited", message: "slow down", id: second.id });
      trial.expect((await refused) === "RequestRefusedError", "RequestRefusedError", await refused);
      const late = await ask(0.5);
      trial.expect(late === "RequestTimeoutError", "RequestTimeoutError", late);
    },
  },
  {
    level: "messages",
    name: "It retries a request with another agent if the only receiver is lost.",
    async play(trial) {
      const connection = await subscribed(trial, []);
      const asked = trial.client.call("request", { subject: "tasks.do", timeout: 60, retries: 1 });
      const first = await connection.message("publish");
      const answer = (number: number, data: object) =>
        connection.send({
          type: "message",
          messageId: `answer-${number}`,
          subject: first.replyTo,
          data,
          from: "service",
        });
      answer(1, { error: { code: "receiver_lost", message: "b went offline" } });
      const second = await connection.message("publish", 2);
      const attempts = [first, second].map(({ attempt }) => attempt);
      trial.expect(attempts.join() === "1,2", "the attempts 1 and 2", attempts);
      trial.expect(second.replyTo === first.replyTo, "the same replyTo", second.replyTo);
      const { expiresInMs } = second;
      const isInTime = typeof expiresInMs === "number" && expiresInMs > 0 && expiresInMs <= 60_000;
      trial.expect(isInTime, "what is left of 60000 in expiresInMs", expiresInMs);
      // A second word on the first attempt says nothing of the next one.
      answer(2, { error: { code: "unavailable", message: "b is ending" }, attempt: 1 });
      answer(3, { error: { code: "receiver_lost", message: "b went offline" }, attempt: 1 });
      answer(4, { result: 7 });
      const result = await asked;
      trial.expect(result === 7, "7", result);
    },
  },
  {
    level: "messages",
    name: "It sends a request to an agent with a capability, and to another one if that is lost.",
    async play(trial) {
      const connection = await subscribed(trial, []);
      const request = { subject: "tasks.do", capability: "summarize", timeout: 60, retries: 1 };
      const asked = trial.client.call("request", request);
      const first = await connection.message("publish");
      const data = { error: { code: "receiver_lost", message: "b went offline" } };
      const answer = { type: "message", subject: first.replyTo, from: "service" };
      connection.send({ ...answer, messageId: "answer-1", data });
      const second = await connection.message("publish", 2);
      const capabilities = [first, second].map(({ capability }) => capability).join();
      trial.expect(
        capabilities === "summarize,summarize",
        "the capability in each attempt",
        capabilities,
      );
      trial.expect(!("to" in first), "no agent in to", first.to);
      connection.send({ ...answer, messageId: "answer-2", data: { result: 7 } });
      const result = await asked;
      trial.expect(result === 7, "7", result);
    },
  },
  {
    level: "messages",
    name: "After superseded it finishes its handlers, sends the answers, and ends.",
    async play(trial) {
      const connection = await subscribed(trial, ["slow.*"]);
      const replyTo = "_inbox.b.1";
      connection.send({
        type: "message",
        messageId: "1",
        subject: "slow.a",
        data: "hold",
        from: "b",
        replyTo,
      });
      await trial.client.event("message");
      connection.send({ type: "superseded" });
      await trial.client.event("state", ({ state }) => state === "draining");
      await trial.client.call("release");
      const { data } = await connection.message("publish");
      trial.expect(JSON.stringify(data) === '{"result":{"echo":"hold"}}', "its answer", data);
      const { how } = await trial.client.event("ended");
      trial.expect(how === "superseded", 'it to end as "superseded"', how);
    },
  },
];

async function subscribed(
  trial: Trial,
  patterns: string[],
  groups: Record<string, string> = {},
): Promise<FakeConnection> {
  await trial.start({ patterns, groups });
  const connection = await trial.service.connection();
  if (patterns.length > 0) await connection.message("subscribe", patterns.length);
  await connection.message("heartbeat");
  return connection;
}

/** The name of the error that a call ends with. */
async function failureOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof CallFailed) return error.message;
    throw error;
  }
}
