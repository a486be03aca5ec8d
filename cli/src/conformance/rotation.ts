/** Level `rotation`: a connection is replaced before the gateway ends it, and nothing is lost meanwhile. */

import type { Scenario } from "./trial";

export const ROTATION: Scenario[] = [
  {
    level: "rotation",
    name: "It opens the next connection before it closes the old one, says so in the login, and loses no message.",
    async play(trial) {
      await trial.start({ patterns: ["tasks.*"], rotateAfter: { min: 10, max: 10 } });
      const old = await trial.service.connection();
      await old.message("subscribe");
      trial.expect(old.login.claims.rotation !== true, "no claim rotation in the first login");
      trial.service.answers = false;
      const next = await trial.service.connection(2);
      trial.expect(
        next.login.claims.rotation === true,
        "the claim rotation: true",
        next.login.claims,
      );
      trial.expect(old.closed === null, "the old connection to be open");
      const subscription = await next.message("subscribe");
      await next.message("heartbeat");
      const deliver = (to: typeof old, number: number) =>
        to.send({
          type: "message",
          messageId: `m${number}`,
          subject: "tasks.a",
          data: number,
          from: "b",
        });
      deliver(old, 1);
      deliver(next, 3);
      deliver(old, 2);
      deliver(old, 3);
      await trial.client.event("message", ({ data }) => data === 3);
      trial.expect(
        old.closed === null,
        "the old connection to be open until the new one has proved itself",
      );
      const now = Date.now();
      next.answers = true;
      next.send({ type: "heartbeat_ack", serverTime: now, leaseExpiresAt: now });
      next.send({ type: "subscribed", subject: "tasks.*", id: subscription.id });
      const { code, reason } = await old.ended();
      trial.expect(code === 1000 && reason === "rotated", "1000 with the reason rotated", {
        code,
        reason,
      });
      deliver(next, 4);
      await trial.client.event("message", ({ data }) => data === 4);
      const heard = trial.client.events.filter(({ event }) => event === "message");
      trial.expect(heard.map(({ data }) => data).join() === "1,2,3,4", "1, 2, 3, 4", heard);
      const states = trial.client.events.filter(({ event }) => event === "state");
      trial.expect(states.at(-1)?.state === "connected", "no change of state", states);
    },
  },
  {
    level: "rotation",
    name: "It keeps the old connection if the next one fails, and tries again.",
    async play(trial) {
      await trial.start({ rotateAfter: { min: 10, max: 10 } });
      const old = await trial.service.connection();
      trial.service.refuse = () => (trial.service.logins.length > 3 ? undefined : { status: 503 });
      await trial.service.connection(2);
      trial.expect(trial.service.logins.length === 4, "four logins", trial.service.logins.length);
      const { reason } = await old.ended();
      trial.expect(reason === "rotated", "the old connection to be left last", reason);
    },
  },
];
