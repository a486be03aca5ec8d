/** Level `messages`: subscriptions, handlers, and what the client publishes. */

import { LIMITS } from "@agent-heartbeat/sdk/protocol";
import { failureOf } from "./client";
import type { Scenario } from "./trial";

export const MESSAGES: Scenario[] = [
  {
    level: "messages",
    name: "It subscribes to the patterns of its handlers on each connection.",
    async play(trial) {
      const first = await trial.subscribed(["tasks.process", "news.>"]);
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
      const connection = await trial.subscribed(["tasks.*"]);
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
      const first = await trial.subscribed(["tasks.*"], { "tasks.*": "workers" });
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
      const connection = await trial.subscribed(["tasks.*", "news.>"], groups);
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
    name: "It publishes, and returns how many processes were reached.",
    async play(trial) {
      const connection = await trial.subscribed([]);
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
      const connection = await trial.subscribed([]);
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
      const connection = await trial.subscribed([]);
      const refused = await failureOf(
        trial.client.call("publish", { subject: "a.b", data: "x".repeat(140_000) }),
      );
      trial.expect(refused !== undefined, "an error");
      trial.expect(connection.ofType("publish").length === 0, "nothing sent");
    },
  },
];
