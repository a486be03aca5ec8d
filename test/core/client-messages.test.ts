/** The routes `list` and `$default`, and their replies to malformed messages. */

import {
  type AgentPage,
  InvalidCursorError,
  type ListAgentsOptions,
  type MassExpiry,
} from "@agent-heartbeat/sdk/status";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { LIMITS } from "../../core/limits";
import { fallbackHandler } from "../../lambda/fallback/handler";
import { listHandler } from "../../lambda/list/handler";
import {
  ConnectionsRecorder,
  LogRecorder,
  MetricsRecorder,
  OPEN_GUARD,
  OPEN_RATES,
  routeEvent,
} from "../../testing/presence";

const route = () => ({
  connections: new ConnectionsRecorder(),
  log: new LogRecorder(),
  metrics: new MetricsRecorder().sink,
});
const parse = ({ body }: { body?: string }) => JSON.parse(body ?? "null");

describe("a message of an unknown type", () => {
  const TYPES =
    "heartbeat, heartbeat_quiet, profile, subscribe, unsubscribe, publish, list, history";
  const fallback = fallbackHandler(route());

  it.each([
    ["not json", "invalid_json", "expected a JSON object, got text that is not JSON"],
    ["", "invalid_json", "expected a JSON object, got text that is not JSON"],
    ["[1]", "invalid_json", "expected a JSON object, got an array"],
    ["null", "invalid_json", "expected a JSON object, got null"],
    ['"x"', "invalid_json", "expected a JSON object, got a string"],
    ["{}", "invalid_message", `type: expected one of ${TYPES}, got none`],
    ['{"type":7}', "invalid_message", `type: expected one of ${TYPES}, got a number`],
    ['{"type":"hearbeat"}', "unknown_type", `type: expected one of ${TYPES}, got "hearbeat"`],
    ['{"type":"__proto__"}', "unknown_type", `type: expected one of ${TYPES}, got "__proto__"`],
  ])("%j is answered with %s", async (body, code, message) => {
    expect(parse(await fallback(routeEvent({}, body)))).toEqual({ type: "error", code, message });
  });

  it("is answered with its id and the beginning of its type", async () => {
    const answer = parse(await fallback(routeEvent({}, { type: "x".repeat(100_000), id: "m1" })));
    expect(answer).toMatchObject({ code: "unknown_type", id: "m1" });
    expect(answer.message.length).toBeLessThan(200);
  });
});

describe("list", () => {
  function compose(listAgents: (options: ListAgentsOptions) => Promise<AgentPage>) {
    return listHandler({
      statuses: { listAgents, massExpiry: async () => suspected },
      guard: OPEN_GUARD,
      rates: OPEN_RATES,
      ...route(),
    });
  }
  const page: AgentPage = { agents: [], cursor: "next" };
  let suspected: MassExpiry | null;
  beforeEach(() => {
    suspected = null;
  });

  it("asks for the organization of the connection, whatever the message names", async () => {
    const asked: ListAgentsOptions[] = [];
    const list = compose(async (options) => {
      asked.push(options);
      return page;
    });
    const body = {
      type: "list",
      id: "l1",
      status: "online",
      organizationId: "other",
      limit: 10,
      cursor: null,
    };
    expect(parse(await list(routeEvent({ requestTimeEpoch: 7 }, body)))).toEqual({
      type: "agents",
      agents: [],
      cursor: "next",
      serverTime: 7,
      id: "l1",
    });
    expect(asked).toEqual([
      { organizationId: "acme", status: "online", limit: 10, maxBytes: LIMITS.listPageBytes },
    ]);
  });

  it("reports on the first page that self-preservation is active", async () => {
    suspected = { suspectedAt: 1000, heldUntil: 301_000 };
    const list = compose(async () => page);
    const answer = async (cursor: string | null) =>
      parse(await list(routeEvent({}, { type: "list", cursor })));
    expect(await answer(null)).toMatchObject({ massExpiry: suspected });
    expect(await answer("next")).not.toHaveProperty("massExpiry");
  });

  it("includes profiles if requested", async () => {
    const asked: ListAgentsOptions[] = [];
    const list = compose(async (options) => {
      asked.push(options);
      return page;
    });
    await list(routeEvent({}, { type: "list", profiles: true }));
    expect(asked).toEqual([expect.objectContaining({ profiles: true })]);
  });

  it("refuses a publisher", async () => {
    const answer = parse(
      await compose(async () => page)(
        routeEvent({}, { type: "list", id: "l2" }, { role: "publisher" }),
      ),
    );
    expect(answer).toEqual({
      type: "error",
      code: "forbidden",
      message: "a publisher may not send list",
      id: "l2",
    });
  });

  it.each([
    [{ type: "list", limit: 0 }, "limit: expected >=1, got 0"],
    [{ type: "list", limit: 101 }, "limit: expected <=100, got 101"],
    [{ type: "list", status: "gone" }, 'status: expected ("online" | "offline"), got "gone"'],
    [{ type: "list", cursor: 5 }, "cursor: expected string, got 5"],
  ])("refuses %j", async (body, message) => {
    const answer = parse(await compose(async () => page)(routeEvent({}, body)));
    expect(answer).toEqual({ type: "error", code: "invalid_message", message });
  });

  it("refuses a cursor that is not from a list of this organization", async () => {
    const list = compose(() => Promise.reject(new InvalidCursorError("no such cursor")));
    const answer = parse(await list(routeEvent({}, { type: "list", cursor: "x" })));
    expect(answer).toMatchObject({ code: "invalid_message", message: "cursor: no such cursor" });
  });
});
