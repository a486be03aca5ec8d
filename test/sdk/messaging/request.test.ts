import {
  ConnectionError,
  type MessageContext,
  MessageError,
  NoReceiverError,
  RemoteError,
  RequestTimeoutError,
} from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { connectedAgent } from "../../../testing/agents";
import type { FakeSocket } from "../../../testing/fake-runtime";

const SECOND = 1000;
const settled = () => new Promise((resolve) => setImmediate(resolve));

const published = ({ sent }: FakeSocket) => sent.filter(({ type }) => type === "publish");
const last = (socket: FakeSocket) => published(socket).at(-1) ?? {};
const confirm = (socket: FakeSocket, reached = 1) => {
  const { id, subject } = last(socket);
  socket.post({ type: "published", subject, reached, id });
};
const answer = (socket: FakeSocket, data: unknown, from = "a2") => {
  const subject = last(socket).replyTo;
  socket.post({ type: "message", messageId: `${subject}-${from}`, subject, data, from });
};
/** Each answers as another process. */
const answerAll = (socket: FakeSocket, all: readonly unknown[]) => {
  confirm(socket, all.length);
  for (const [n, data] of all.entries()) answer(socket, data, `a${n}`);
};

describe("request() with a signal", () => {
  it("rejects with the reason when it is aborted, and ignores the answer", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    const before = runtime.pendingTimers;
    const controller = new AbortController();
    const asked = agent.request("n", null, { signal: controller.signal, timeout: 600 });
    confirm(socket);
    const reason = new Error("the user has left");
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
    answer(socket, { result: 1 });
    await settled();
    expect(runtime.pendingTimers).toBe(before);
    expect(published(socket)).toHaveLength(1);
  });

  it("sends nothing if it is aborted before, or while the request waits for its turn", async () => {
    const { agent, socket } = await connectedAgent();
    const aborted = AbortSignal.abort("before");
    await expect(agent.request("n", null, { signal: aborted })).rejects.toBe("before");
    expect(published(socket)).toEqual([]);
    const first = agent.publish("n", 1);
    const controller = new AbortController();
    const asked = agent.request("n", 2, { signal: controller.signal });
    const third = agent.publish("n", 3);
    controller.abort("while it waits");
    await expect(asked).rejects.toBe("while it waits");
    confirm(socket);
    await first;
    await settled();
    confirm(socket);
    await third;
    expect(published(socket).map(({ data }) => data)).toEqual([1, 3]);
  });

  it("is not sent to a further agent after it is aborted", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    const controller = new AbortController();
    const asked = agent.request("n", null, { signal: controller.signal, retries: 1 });
    confirm(socket, 0);
    await settled();
    controller.abort("enough");
    await expect(asked).rejects.toBe("enough");
    await runtime.advance(10 * SECOND);
    expect(published(socket)).toHaveLength(1);
  });

  it("stops listening to the signal when it stops waiting", async () => {
    const { agent, socket } = await connectedAgent();
    const { signal } = new AbortController();
    const open = new Set<unknown>();
    signal.addEventListener = (_: string, listener: unknown) => void open.add(listener);
    signal.removeEventListener = (_: string, listener: unknown) => void open.delete(listener);
    const asked = agent.request("n", null, { signal });
    expect(open.size).toBe(1);
    confirm(socket);
    answer(socket, { result: 1 });
    expect(await asked).toBe(1);
    expect(open.size).toBe(0);
  });

  it("refuses anything else with an explanation", async () => {
    const { agent } = await connectedAgent();
    await expect(agent.request("n", null, { signal: {} as AbortSignal })).rejects.toThrow(
      "option signal: expected an AbortSignal",
    );
  });
});

describe("request()", () => {
  it("sends its own reply address, and resolves with the result", async () => {
    const { agent, socket } = await connectedAgent();
    const asked = agent.request("tasks.add", [1, 2], { to: "a2" });
    expect(last(socket)).toMatchObject({ subject: "tasks.add", data: [1, 2], to: "a2" });
    expect(last(socket).replyTo).toMatch(/^_inbox\.agent-1\.[0-9a-f-]{36}$/);
    // The answer may overtake the confirmation.
    answer(socket, { result: 3 });
    confirm(socket);
    expect(await asked).toBe(3);
  });

  it.each([
    [{ result: null }, null],
    ["bare", "bare"],
    [{ n: 1 }, { n: 1 }],
    [null, null],
  ])("accepts %j as an answer", async (data, result) => {
    const { agent, socket } = await connectedAgent();
    const asked = agent.request("n");
    answer(socket, data);
    expect(await asked).toEqual(result);
  });

  it("rejects with the error in the answer", async () => {
    const { agent, socket } = await connectedAgent();
    const asked = agent.request("n");
    confirm(socket);
    answer(socket, { error: { code: "handler_failed", message: "no such file" } });
    await expect(asked).rejects.toMatchObject({
      constructor: RemoteError,
      code: "handler_failed",
      from: "a2",
      message: "n: a2 answered handler_failed: no such file",
    });
  });

  it("takes the first value of several processes, and an error only if there is no value", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    const fault = { error: { code: "unavailable", message: "ended" } };
    for (const confirmed of ["first", "last"]) {
      const asked = agent.request("n");
      if (confirmed === "first") confirm(socket, 2);
      answer(socket, fault, "a2");
      if (confirmed === "last") confirm(socket, 2);
      await settled();
      answer(socket, { result: 7 }, "a3");
      expect(await asked).toBe(7);

      const refused = agent.request("n");
      answer(socket, { error: { code: "handler_failed", message: "x" } }, "a2");
      answer(socket, fault, "a3");
      confirm(socket, 2);
      await expect(refused).rejects.toMatchObject({ code: "handler_failed", from: "a2" });
    }
    const late = agent.request("n", null, { timeout: 3 });
    confirm(socket, 2);
    answer(socket, fault, "a2");
    await settled();
    runtime.advance(3 * SECOND);
    await expect(late).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is sent again, with the same address, if it reached nobody or all refused it without handling it", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    const asked = agent.request("n", 1, { timeout: 60 });
    const first = last(socket);
    confirm(socket, 0);
    await settled();
    runtime.advance(250);
    expect(last(socket)).toMatchObject({ replyTo: first.replyTo, data: 1 });
    answer(socket, { error: { code: "unavailable", message: "ended" } });
    confirm(socket);
    await settled();
    expect(published(socket)).toHaveLength(2);
    runtime.advance(750);
    expect(published(socket)).toHaveLength(3);
    const subject = first.replyTo;
    socket.post({ type: "message", messageId: "m3", subject, data: { result: 7 }, from: "a3" });
    expect(await asked).toBe(7);
    confirm(socket, 0);
    await settled();
    runtime.advance(60 * SECOND);
    expect(published(socket)).toHaveLength(3);
  });

  it.each([[null], ["text"], [{ code: 1 }], [{ code: "c", message: {} }]])(
    "takes an answer with the error %j for a value: it is none of the protocol",
    async (error) => {
      const { agent, socket } = await connectedAgent();
      const asked = agent.request("n");
      answer(socket, { error });
      expect(await asked).toEqual({ error });
    },
  );

  it("rejects if there is no receiver, and at its timeout if there is no answer", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    const unheard = agent.request("n");
    for (const pauseMs of [250, 750, 2000]) {
      confirm(socket, 0);
      await settled();
      runtime.advance(pauseMs);
    }
    confirm(socket, 0);
    await expect(unheard).rejects.toThrow(NoReceiverError);
    const unanswered = agent.request("m", null, { timeout: 3 });
    confirm(socket);
    await settled();
    runtime.advance(3 * SECOND);
    await expect(unanswered).rejects.toThrow(RequestTimeoutError);
    await expect(unanswered).rejects.toThrow("m: expected an answer within 3 s, got none");
  });

  it("rejects with what publish() rejects with, and when the agent stops", async () => {
    const { agent, socket } = await connectedAgent();
    await expect(agent.request("n", 1n)).rejects.toThrow(MessageError);
    const asked = agent.request("n");
    confirm(socket);
    void agent.stop();
    await settled();
    socket.peer.closed(1000, "");
    await expect(asked).rejects.toThrow(ConnectionError);
  });

  it("continues to wait across a reconnect, because the answer is addressed to the agent, not to a connection", async () => {
    const { agent, socket, runtime, accept } = await connectedAgent();
    const asked = agent.request("n");
    const { replyTo } = last(socket);
    confirm(socket);
    await settled();
    socket.peer.closed(1006, "");
    runtime.advance(SECOND);
    const second = await accept(2);
    second.post({
      type: "message",
      messageId: "m",
      subject: replyTo,
      data: { result: 1 },
      from: "b",
    });
    expect(await asked).toBe(1);
  });

  it("ignores an answer that is late or belongs to no request", async () => {
    const { agent, socket } = await connectedAgent();
    const got: unknown[] = [];
    agent.onMessage(">", (subject) => got.push(subject));
    const subject = "_inbox.agent-1.unknown";
    socket.post({ type: "message", messageId: "m", subject, data: 1, from: "a2" });
    await settled();
    expect(got).toEqual([]);
  });
});

describe("a request to the agent", () => {
  const ask = (socket: FakeSocket, subject: string, data: unknown = null) => {
    const replyTo = `_inbox.a2.${subject}`;
    const messageId = `${subject}-${data}`;
    socket.post({ type: "message", messageId, subject, data, from: "a2", replyTo });
  };
  const answers = (socket: FakeSocket) => published(socket).map(({ data }) => data);

  it("is answered with what its handler returns", async () => {
    const { agent, socket } = await connectedAgent();
    agent.onMessage("double", async (_, data) => 2 * Number(data));
    ask(socket, "double", 21);
    await settled();
    expect(published(socket)).toMatchObject([
      { subject: "_inbox.a2.double", data: { result: 42 } },
    ]);
  });

  it("is answered with the error of its handler, which is reported here too", async () => {
    const { agent, socket } = await connectedAgent();
    const errors: unknown[] = [];
    agent.on("handlerError", ({ subject, error }) => errors.push([subject, String(error)]));
    agent.onMessage("fail", () => {
      throw new Error("no such file");
    });
    ask(socket, "fail");
    await settled();
    expect(answers(socket)).toEqual([
      { error: { code: "handler_failed", message: "no such file" } },
    ]);
    expect(errors).toEqual([["fail", "Error: no such file"]]);
  });

  it("of several handlers is answered once: by a value, else by an error, else by null", async () => {
    const { agent, socket } = await connectedAgent();
    const fails = () => Promise.reject(new Error("broken"));
    agent.onMessage("a", fails);
    agent.onMessage("a", () => 1);
    agent.onMessage("a", () => 2);
    agent.onMessage("b", fails);
    agent.onMessage("b", () => {});
    agent.onMessage("c", () => {});
    for (const subject of ["a", "b", "c"]) {
      ask(socket, subject);
      await settled();
    }
    expect(answers(socket)).toEqual([
      { result: 1 },
      { error: { code: "handler_failed", message: "broken" } },
      { result: null },
    ]);
  });

  it("that no handler gets is answered too", async () => {
    const { agent, socket } = await connectedAgent({ messageConcurrency: 1, messageQueue: 1 });
    agent.onMessage("n", () => new Promise(() => {}));
    for (const data of [1, 2, 3]) ask(socket, "n", data);
    ask(socket, "unknown");
    expect(answers(socket)).toEqual([
      { error: { code: "unavailable", message: "the message was dropped: queue_full" } },
      { error: { code: "no_handler", message: "there is no handler for the subject" } },
    ]);
  });

  it("whose result is no message is answered with an error", async () => {
    const { agent, socket } = await connectedAgent();
    agent.onMessage("large", () => "x".repeat(200_000));
    ask(socket, "large");
    await settled();
    expect(answers(socket)).toEqual([
      {
        error: { code: "handler_failed", message: expect.stringContaining("at most 131072 bytes") },
      },
    ]);
  });

  it("is answered before a drain ends", async () => {
    const { agent, socket } = await connectedAgent();
    let finish: (value: number) => void = () => {};
    agent.onMessage("n", () => new Promise<number>((resolve) => (finish = resolve)));
    ask(socket, "n");
    await settled();
    void agent.drain();
    finish(7);
    await settled();
    expect(answers(socket)).toEqual([{ result: 7 }]);
    expect(socket.isLive).toBe(true);
    confirm(socket);
    await settled();
    expect(socket.closedWith).toMatchObject({ reason: "drained" });
  });

  it("is not sent again if one of several processes has handled it, whichever answers first", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    const faults = [
      { error: { code: "unavailable", message: "ended" } },
      { error: { code: "handler_failed", message: "no such file" } },
    ];
    for (const order of [faults, [...faults].reverse()]) {
      const asked = agent.request("n");
      answerAll(socket, order);
      const before = published(socket).length;
      await expect(asked).rejects.toMatchObject({ code: "handler_failed" });
      runtime.advance(5 * SECOND);
      expect(published(socket)).toHaveLength(before);
    }
  });

  it("is sent again if no receiver handled it and one could have", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    const faults = [
      { error: { code: "no_handler", message: "none" } },
      { error: { code: "unavailable", message: "ended" } },
    ];
    for (const order of [faults, [...faults].reverse()]) {
      const asked = agent.request("n");
      answerAll(socket, order);
      await settled();
      const before = published(socket).length;
      runtime.advance(250);
      expect(published(socket)).toHaveLength(before + 1);
      answer(socket, { result: 1 });
      expect(await asked).toBe(1);
      confirm(socket);
      await settled();
    }
  });

  const lost = { error: { code: "receiver_lost", message: "w1 went offline before it answered" } };

  it("fails at once when the only agent that had it is lost", async () => {
    const { agent, socket } = await connectedAgent();
    const asked = agent.request("n", 1, { timeout: 3600 });
    expect(last(socket)).toMatchObject({ attempt: 1, expiresInMs: 3_600_000 });
    confirm(socket);
    answer(socket, lost, "service");
    await expect(asked).rejects.toMatchObject({
      constructor: RemoteError,
      code: "receiver_lost",
      message: "n: service answered receiver_lost: w1 went offline before it answered",
    });
    expect(published(socket)).toHaveLength(1);
  });

  it("with retries is sent to another agent after each loss, as the next attempt, up to that number", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    const asked = agent.request("n", 1, { timeout: 100, retries: 2 });
    const first = last(socket);
    for (const attempt of [1, 2, 3]) {
      expect(last(socket)).toMatchObject({ attempt, replyTo: first.replyTo, data: 1 });
      confirm(socket);
      await settled();
      runtime.advance(10 * SECOND);
      answer(socket, lost, `service ${attempt}`);
      runtime.advance(0);
      await settled();
    }
    await expect(asked).rejects.toMatchObject({ code: "receiver_lost" });
    expect(published(socket).map(({ expiresInMs }) => expiresInMs)).toEqual([
      100_000, 90_000, 80_000,
    ]);

    const answered = agent.request("n", 1, { retries: 1 });
    confirm(socket);
    await settled();
    answer(socket, lost, "service");
    runtime.advance(0);
    await settled();
    answer(socket, { result: 7 });
    expect(await answered).toBe(7);
  });

  it("does not count a second error of one attempt against the next", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    const ended = { error: { code: "unavailable", message: "ended" }, attempt: 1 };
    for (const [first, second, pauseMs] of [
      [ended, { ...lost, attempt: 1 }, 250],
      [{ ...lost, attempt: 1 }, ended, 0],
    ] as const) {
      const asked = agent.request("n", 1, { retries: 3 });
      confirm(socket);
      answer(socket, first, "a");
      await settled();
      const before = published(socket).length;
      // Before the next attempt is sent, and after.
      answer(socket, second, "b");
      await settled();
      runtime.advance(pauseMs);
      expect(last(socket)).toMatchObject({ attempt: 2 });
      confirm(socket);
      answer(socket, second, "c");
      await settled();
      runtime.advance(5 * SECOND);
      expect(published(socket)).toHaveLength(before + 1);
      answer(socket, { result: 7, attempt: 1 });
      expect(await asked).toBe(7);
    }
  });

  it("is answered with the attempt that it came in", async () => {
    const { agent, socket } = await connectedAgent();
    agent.onMessage("n", (_, data) => (data === "large" ? "x".repeat(200_000) : data));
    for (const [index, data] of [7, "large", "unknown"].entries()) {
      const subject = data === "unknown" ? data : "n";
      const request = { subject, data, replyTo: `_inbox.a2.${index}`, attempt: 3, from: "a2" };
      socket.post({ type: "message", messageId: String(index), ...request });
    }
    await settled();
    const replies = published(socket).map((message) => message.data);
    expect(replies).toHaveLength(3);
    expect(replies).toContainEqual({ result: 7, attempt: 3 });
    for (const code of ["handler_failed", "no_handler"]) {
      expect(replies).toContainEqual({ error: expect.objectContaining({ code }), attempt: 3 });
    }
  });

  it("refuses retries that are not a valid number", async () => {
    const { agent } = await connectedAgent();
    for (const retries of [-1, 1.5, 101, "1" as never]) {
      await expect(agent.request("n", 1, { retries })).rejects.toThrow("option retries: expected");
    }
  });

  it("passes its handler the attempt, and when the requester stops waiting", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    const contexts: MessageContext[] = [];
    let finish = () => {};
    agent.onMessage("n", (_, __, context) => {
      contexts.push(context);
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    const ask = (attempt: number) =>
      socket.post({
        type: "message",
        messageId: "p.1",
        subject: "n",
        data: null,
        from: "p",
        replyTo: "_inbox.p.1",
        expiresInMs: 5000,
        attempt,
      });
    const dropped: string[] = [];
    agent.on("messageDropped", ({ reason }) => dropped.push(reason));
    const sent = published(socket).length;
    for (const attempt of [1, 1, 2]) ask(attempt);
    await settled();
    const [context] = contexts;
    expect(context).toMatchObject({ messageId: "p.1", attempt: 1, deadline: runtime.now() + 5000 });
    expect(context?.signal?.aborted).toBe(false);
    runtime.advance(5 * SECOND);
    expect(context?.signal?.aborted).toBe(true);
    finish();
    await settled();
    await settled();
    // The second attempt waited until nobody waited for it: it does not start. Nobody waits for the answer either.
    expect([contexts.length, dropped]).toEqual([1, ["expired"]]);
    expect(published(socket)).toHaveLength(sent);
  });

  it("reports whether it was sent before its timeout", async () => {
    const { agent, socket, runtime } = await connectedAgent();
    const asked = [1, 2].map((n) => agent.request("n", n, { timeout: 2 }));
    runtime.advance(2 * SECOND);
    await expect(asked[0]).rejects.toMatchObject({ sent: true, constructor: RequestTimeoutError });
    await expect(asked[1]).rejects.toMatchObject({ sent: false, constructor: RequestTimeoutError });
    confirm(socket);
    await settled();
    expect(published(socket)).toHaveLength(1);
  });

  it.each([
    ["failed", () => Promise.reject(new Error("no such file")), "no such file"],
    ["returned nothing", () => undefined, "the message was dropped: queue_full"],
  ])(
    "is answered as handled if one handler was not called and another one %s",
    async (_, handler, message) => {
      const { agent, socket } = await connectedAgent({ messageConcurrency: 1, messageQueue: 1 });
      agent.onMessage("n.x", handler);
      agent.onMessage("n.*", () => 1);
      let release = () => {};
      agent.onMessage("busy", () => new Promise<void>((resolve) => (release = resolve)));
      socket.post({ type: "message", messageId: "b", subject: "busy", data: 0 });
      await settled();
      const replyTo = "_inbox.a2.1";
      socket.post({ type: "message", messageId: "m", subject: "n.x", data: 0, replyTo });
      await settled();
      release();
      for (let n = 0; n < 5; n += 1) await settled();
      expect(published(socket).filter(({ subject }) => subject === replyTo)).toEqual([
        expect.objectContaining({ data: { error: { code: "handler_failed", message } } }),
      ]);
    },
  );
});
