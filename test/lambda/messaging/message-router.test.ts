/** What one message may cost, however many subscribers it has and however slow they are. */

import { describe, expect, it } from "@jest/globals";
import { MessageRouter } from "../../../lambda/messaging/message-router";
import { LogRecorder } from "../../../testing/presence";

const MESSAGE = {
  type: "message",
  messageId: "m1",
  subject: "news",
  data: null,
  from: "a1",
} as const;

const subscriber = (index: number) => ({
  organizationId: "acme",
  agentId: `a${index}`,
  instanceId: `p${index}`,
  connectionId: `c${index}=`,
});

function routerFor(count: number, complete: boolean, postMs: number) {
  let elapsed = 0;
  const log = new LogRecorder();
  const router = new MessageRouter({
    subscriptions: {
      find: async () => ({
        subscribers: Array.from({ length: count }, (_, index) => subscriber(index)),
        groups: new Map(),
        complete,
      }),
      removeConnection: async () => undefined,
    },
    capable: { find: async () => [] },
    agents: { locate: async () => undefined, worker: async () => undefined },
    connections: {
      post: async () => {
        elapsed += postMs;
        return "done";
      },
    },
    requests: { add: async () => undefined, remove: async () => "absent" },
    log,
    monotonic: () => elapsed,
  });
  return { router, log };
}

describe("a message to many", () => {
  it("begins no post when its time is over, and is reported as incomplete", async () => {
    const { router, log } = routerFor(500, true, 100);
    const delivery = await router.publish("acme", MESSAGE, 0);
    expect(delivery.complete).toBe(false);
    expect(delivery.reached).toBe(delivery.posts);
    // Those that were under way at the end are finished.
    expect(delivery.posts).toBeLessThanOrEqual(8000 / 100 + 64);
    expect(log.lines).toEqual([expect.objectContaining({ event: "message_incomplete" })]);
  });

  it("is incomplete if not all subscriptions were read", async () => {
    const { router } = routerFor(3, false, 1);
    expect(await router.publish("acme", MESSAGE, 0)).toEqual({
      reached: 3,
      posts: 3,
      complete: false,
    });
  });

  it("is complete otherwise, and logs nothing", async () => {
    const { router, log } = routerFor(70, true, 1);
    expect(await router.publish("acme", MESSAGE, 0)).toEqual({
      reached: 70,
      posts: 70,
      complete: true,
    });
    expect(log.lines).toEqual([]);
  });
});
