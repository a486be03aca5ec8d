/** Hostile messages and a flood over real WebSockets, against the functions as they are deployed. */

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { LIMITS, RATES } from "../../core/limits";
import { BareClient, HandshakeRefused } from "../../testing/e2e/client";
import { openTarget, type Target } from "../../testing/e2e/target";
import { runs } from "../../testing/fuzz/runs";
import { hostileBody, TYPES } from "../../testing/fuzz/values";
import { type TestKey, testKey } from "../../testing/login";

describe("over the gateway", () => {
  const organizationId = `hostile-${randomUUID()}`;
  let target: Target;
  let key: TestKey;

  beforeAll(async () => {
    target = openTarget();
    key = await testKey("ES256");
  });
  afterAll(() => target.close());

  const register = (agentId: string) =>
    target.registry.register({ organizationId, agentId, publicKey: key.jwk as never });
  const logIn = (agentId: string) =>
    BareClient.connect(target.url, key, { org: organizationId, iss: agentId, sub: agentId });
  const connect = async (agentId: string) => {
    await register(agentId);
    return logIn(agentId);
  };
  /** Logs in again for as long as the account has no function left for it, as any client does. */
  const connectAtLast = async (agentId: string) => {
    await register(agentId);
    for (;;) {
      try {
        return await logIn(agentId);
      } catch (error) {
        if (!(error instanceof HandshakeRefused && error.statusCode >= 500)) throw error;
      }
    }
  };

  it("every hostile message is answered, and the connection stays open", async () => {
    const messages = fc.sample(fc.oneof(...TYPES.map(hostileBody)), runs(200));
    const sent = messages
      .filter((text) => Buffer.byteLength(text) <= LIMITS.messageBytes)
      .filter((text) => !wantsNoAck(text));
    expect(sent.length).toBeGreaterThan(messages.length / 2);
    // Few enough per connection to stay within its rate.
    for (let start = 0; start < sent.length; start += 200) {
      const client = await connect(`a${start}`);
      for (const text of sent.slice(start, start + 200)) {
        const answer = await nextReply(client, text).catch((error: Error) => {
          throw new Error(`${error.message}, after ${text.slice(0, 1000)}`, { cause: error });
        });
        expect(answer.type).toEqual(expect.any(String));
        expect(answer.code).not.toBe("internal");
      }
      await client.close();
    }
  });

  it("a flood costs its sender the connection, and no other client an ack", async () => {
    const [flooder, ...others] = await Promise.all(["flooder", "b1", "b2", "b3"].map(connect));
    if (!flooder) throw new Error("expected four clients");
    const began = Date.now();
    const answers: { type?: string; code?: unknown; message?: unknown }[] = [];
    let open = true;
    for (let round = 0; open; round++) {
      for (let count = 0; count < 1000; count++) flooder.send({ type: "heartbeat" });
      // Logins have limits of their own.
      others.push(await connectAtLast(`late${round}`));
      for (let count = 0; count < 1000 && open; count++) {
        const answer = await flooder.next().catch(() => undefined);
        if (answer) answers.push(answer);
        else open = false;
      }
    }
    for (const other of others) {
      expect(await other.ask({ type: "heartbeat" })).toMatchObject({ type: "heartbeat_ack" });
    }
    const seconds = (Date.now() - began) / 1000;
    const acks = answers.filter(({ type }) => type === "heartbeat_ack").length;
    // One ack is one write; on AWS each container admits as many.
    expect(acks).toBeGreaterThanOrEqual(1);
    expect(acks).toBeLessThanOrEqual(
      RATES.heartbeat.burst + seconds * RATES.heartbeat.perSecond + 1,
    );
    expect(answers.filter(({ code }) => code === "rate_limited").length).toBeGreaterThan(0);
    await Promise.all(others.map((other) => other.close()));
  });
});

/** Quiet heartbeats are left out, because they have no reply. */
function wantsNoAck(text: string): boolean {
  try {
    return JSON.parse(text)?.type === "heartbeat_quiet";
  } catch {
    return false;
  }
}

/** The reply to a message, without other messages that it caused. */
async function nextReply(client: BareClient, text: string) {
  client.send(text);
  for (;;) {
    const message = await client.next();
    if (message.type !== "message") return message;
  }
}
