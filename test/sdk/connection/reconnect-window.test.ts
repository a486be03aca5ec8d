import { describe, expect, it } from "@jest/globals";
import { fleetWindowMs } from "../../../sdk/src/connection/reconnect-window";
import { connectedAgent, type FakeAgent } from "../../../testing/agents";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The fake runtime's chance draws the middle of every window. */
const middle = (windowMs: number) => windowMs / 2;

/** An agent that was advised by an ack. */
async function advised(reconnectWindowMs: unknown, options = {}) {
  const fake = await connectedAgent(options);
  fake.socket.ack({ reconnectWindowMs });
  return fake;
}

/** Lets the time until the next attempt pass. */
function pass({ runtime, failures }: Pick<FakeAgent, "runtime" | "failures">): void {
  runtime.advance(failures.at(-1)?.retryInMs ?? 0);
}

describe("an agent that received a reconnect window", () => {
  it.each([1001, 1012, 1013])(
    "draws its first delay from all of it when the gateway closes (code %d)",
    async (code) => {
      const { socket, failures } = await advised(220 * SECOND);
      socket.peer.closed(code, "");
      expect(failures[0]?.retryInMs).toBe(middle(220 * SECOND));
    },
  );

  it.each([1005, 1006, 1011])(
    "draws it from 30 s of it at most when it may be the only one (code %d)",
    async (code) => {
      const large = await advised(220 * SECOND);
      large.socket.peer.closed(code, "");
      expect(large.failures[0]?.retryInMs).toBe(middle(30 * SECOND));

      const small = await advised(8 * SECOND);
      small.socket.peer.closed(code, "");
      expect(small.failures[0]?.retryInMs).toBe(middle(8 * SECOND));
    },
  );

  it.each([
    [1000, 1],
    [1008, 10],
    [4000, 1],
  ])(
    "comes back as ever from a close that was meant for it alone (code %d)",
    async (code, base) => {
      const { socket, failures } = await advised(220 * SECOND);
      socket.peer.closed(code, "");
      expect(failures[0]?.retryInMs).toBe(middle(base * SECOND));
    },
  );

  it("uses its own schedule when its connection has reached its greatest age", () => {
    const end = { how: "closed", code: 1001, reason: "" } as const;
    expect(fleetWindowMs(end, 2 * HOUR, 220 * SECOND)).toBe(0);
    expect(fleetWindowMs(end, 2 * HOUR - 20 * SECOND, 220 * SECOND)).toBe(220 * SECOND);
  });

  it("tries at once after missing acks, and uses the window only if it is refused then", async () => {
    const { runtime, failures } = await advised(220 * SECOND);
    runtime.advance(2 * MINUTE);
    expect(failures[0]).toMatchObject({ failure: { kind: "unresponsive" }, retryInMs: 0 });
    (await runtime.socket(2)).peer.refused({ status: 429 });
    expect(failures[1]?.retryInMs).toBe(middle(220 * SECOND));
  });

  it("tries at once after the machine has slept", async () => {
    const { runtime, failures } = await advised(220 * SECOND);
    runtime.sleep(HOUR);
    runtime.advance(30 * SECOND);
    expect(failures[0]).toMatchObject({ failure: { kind: "unresponsive" }, retryInMs: 0 });
  });

  it("draws from it again after each refusal, in addition to Retry-After", async () => {
    const { socket, runtime, failures } = await advised(220 * SECOND);
    socket.peer.closed(1012, "");
    for (const n of [2, 3, 4]) {
      pass({ runtime, failures });
      (await runtime.socket(n)).peer.refused({ status: 429, retryAfter: "7" });
    }
    const delay = 7 * SECOND + middle(220 * SECOND);
    expect(failures.slice(1).map(({ retryInMs }) => retryInMs)).toEqual([delay, delay, delay]);
  });

  it("keeps to its own schedules where these are longer", async () => {
    const { socket, runtime, failures } = await advised(2 * SECOND);
    socket.peer.closed(1012, "");
    expect(failures[0]?.retryInMs).toBe(middle(2 * SECOND));
    pass({ runtime, failures });
    (await runtime.socket(2)).peer.refused({ status: 429 });
    expect(failures[1]?.retryInMs).toBe(middle(20 * SECOND));
  });

  it("doubles its own window up to it while the service fails", async () => {
    const { socket, runtime, failures } = await advised(220 * SECOND);
    socket.peer.closed(1000, "");
    for (let n = 2; n <= 10; n++) {
      pass({ runtime, failures });
      (await runtime.socket(n)).peer.refused({ status: 503 });
    }
    const windows = failures.slice(1).map(({ retryInMs }) => (retryInMs ?? 0) / SECOND);
    expect(windows).toEqual([4, 8, 16, 32, 64, 128, 220, 220, 220].map(middle));
  });

  it.each([
    ["whose handshake reaches nobody", (peer: Peer) => peer.failed(new Error("no route")), 2],
    ["whose login is refused", (peer: Peer) => peer.refused({ status: 403 }), 20],
  ])("uses its own schedule if it is an agent %s", async (_, fail, seconds) => {
    const { socket, runtime, failures } = await advised(220 * SECOND);
    socket.peer.closed(1012, "");
    pass({ runtime, failures });
    fail((await runtime.socket(2)).peer);
    expect(failures[1]?.retryInMs).toBe(middle(seconds * SECOND));
  });

  it("uses the newest ack, also one without a window", async () => {
    const { socket, failures } = await advised(220 * SECOND);
    socket.ack({ reconnectWindowMs: 10 * SECOND });
    socket.ack();
    socket.peer.closed(1012, "");
    expect(failures[0]?.retryInMs).toBe(middle(5 * SECOND));
  });

  it.each([undefined, null, "60000", Number.NaN, -1, 0, 1, 999, {}, [60_000], true])(
    "is not disturbed by %p",
    async (nonsense) => {
      const { socket, failures } = await advised(nonsense);
      socket.peer.closed(1012, "");
      expect(failures[0]?.retryInMs).toBe(middle(5 * SECOND));
    },
  );

  it.each([1e15, Number.MAX_VALUE])("is parked for an hour at most, by %p", async (huge) => {
    const { socket, failures } = await advised(huge);
    socket.peer.closed(1012, "");
    expect(failures[0]?.retryInMs).toBe(middle(HOUR));
  });

  it("does not follow it in a rotation, whose old connection still serves", async () => {
    const { runtime, failures, accept } = await advised(220 * SECOND, {
      rotateAfter: { min: 60, max: 60 },
    });
    runtime.advance(50 * SECOND);
    runtime.sockets[0]?.ack({ reconnectWindowMs: 220 * SECOND });
    runtime.advance(11 * SECOND);
    (await runtime.socket(2)).peer.refused({ status: 429 });
    expect(failures[0]).toMatchObject({ rotation: true, retryInMs: middle(10 * SECOND) });
    runtime.advance(20 * SECOND);
    await accept(3);
  });
});

type Peer = Awaited<ReturnType<typeof connectedAgent>>["socket"]["peer"];
