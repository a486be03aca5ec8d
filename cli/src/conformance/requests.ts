/** Level `messages`: the client's requests, and its answers to those of others. */

import { failureOf } from "./client";
import type { Scenario } from "./trial";

const REPLY_TO = "_inbox.b.1";

/** A request of agent `b`. */
const requestOf = (subject: string, data: unknown) => ({
  type: "message",
  messageId: "1",
  subject,
  data,
  from: "b",
  replyTo: REPLY_TO,
});

export const REQUESTS: Scenario[] = [
  {
    level: "messages",
    name: "It answers a request on its replyTo subject.",
    async play(trial) {
      const connection = await trial.subscribed(["tasks.*"]);
      connection.send(requestOf("tasks.a", { n: 1 }));
      const { subject, data } = await connection.message("publish");
      trial.expect(subject === REPLY_TO, `an answer on ${REPLY_TO}`, subject);
      const expected = JSON.stringify({ result: { echo: { n: 1 } } });
      trial.expect(JSON.stringify(data) === expected, expected, data);
    },
  },
  {
    level: "messages",
    name: "It answers a request without a handler with an error.",
    async play(trial) {
      const connection = await trial.subscribed(["tasks.*"]);
      connection.send(requestOf("direct", 1));
      const { data } = await connection.message("publish");
      const { code } = (data as { error?: { code?: unknown } }).error ?? {};
      trial.expect(code === "no_handler", "the error no_handler", data);
    },
  },
  {
    level: "messages",
    name: "It sends a request, and returns the matching answer.",
    async play(trial) {
      const connection = await trial.subscribed([]);
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
      const connection = await trial.subscribed([]);
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
      const connection = await trial.subscribed([]);
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
      const connection = await trial.subscribed([]);
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
      const connection = await trial.subscribed(["slow.*"]);
      connection.send(requestOf("slow.a", "hold"));
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
