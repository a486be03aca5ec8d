/** The limit of an agent: held though each container counts a single message, against the real engine. */

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import pLimit from "p-limit";
import { RATES } from "../../../core/limits";
import type { RateLimitOutcome } from "../../../lambda/shared/rate-limiter";
import { SenderRates } from "../../../lambda/shared/sender-rates";
import { clientOf, type Engine, startEngine } from "../../../testing/engine";

const { perSecond, burst } = RATES.history;
const WINDOW_MS = (burst / perSecond) * 1000;
/** The beginning of a window. */
const NOW = WINDOW_MS * 1_000_000;

describe("the rate of an agent", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine({ stream: false });
  });
  afterAll(() => engine.stop());

  /** A container that has seen nothing yet. */
  const container = (client = engine.client) =>
    new SenderRates(client, engine.subscriptionsTableName);
  const agent = (agentId: string, organizationId = "acme") => ({ organizationId, agentId });

  const counted = (outcomes: RateLimitOutcome[]) => ({
    admitted: outcomes.filter((outcome) => outcome === "admitted").length,
    refused: outcomes.filter((outcome) => outcome === "refused").length,
    close: outcomes.filter((outcome) => outcome === "close").length,
  });
  const flood = (agentId: string, count: number, newContainer: () => SenderRates) =>
    pLimit(32).map(
      Array.from({ length: count }, (_, index) => index),
      (index) => newContainer().spend(agent(agentId), "history", NOW + (index * WINDOW_MS) / count),
    );

  it("holds if every message reaches another container, also all at once", async () => {
    expect(counted(await flood("many", burst * 3, () => container()))).toEqual({
      admitted: burst,
      refused: burst * 2,
      close: 0,
    });
  });

  it("holds over all containers, separately for each agent and type", async () => {
    const some = Array.from({ length: 5 }, () => container());
    let next = 0;
    const one = () => some[next++ % some.length] as SenderRates;
    expect(counted(await flood("few", burst * 2, one)).admitted).toBe(burst);
    for (const other of [agent("other"), agent("few", "globex")]) {
      expect(await one().spend(other, "history", NOW)).toBe("admitted");
    }
    expect(await one().spend(agent("few"), "list", NOW)).toBe("admitted");
  });

  it("is available again with the next window", async () => {
    await flood("later", burst + 1, () => container());
    expect(await container().spend(agent("later"), "history", NOW)).toBe("refused");
    expect(await container().spend(agent("later"), "history", NOW + WINDOW_MS)).toBe("admitted");
  });

  it("counts a late message in the current window", async () => {
    await container().spend(agent("late"), "history", NOW + WINDOW_MS, burst);
    expect(await container().spend(agent("late"), "history", NOW)).toBe("refused");
  });

  it("closes an agent that sends many times what it may", async () => {
    await container().spend(agent("flood"), "history", NOW, burst * 10);
    expect(await container().spend(agent("flood"), "history", NOW)).toBe("close");
  });

  it("costs one write for a message, once a container has seen the window", async () => {
    const client = clientOf(engine.endpoint);
    let writes = 0;
    client.middlewareStack.add(
      (next) => (args) => {
        writes += 1;
        return next(args);
      },
      { step: "finalizeRequest" },
    );
    const one = container(client);
    for (let count = 0; count < 10; count++) await one.spend(agent("cheap"), "history", NOW);
    expect(writes).toBe(10);
    client.destroy();
  });

  it("refuses an agent whose count is throttled, for no other row is written as often", async () => {
    const client = {
      send: () =>
        Promise.reject(
          Object.assign(new Error(), { name: "ProvisionedThroughputExceededException" }),
        ),
    };
    const outcome = container(client as never).spend(agent("hot"), "history", NOW);
    expect(await outcome).toBe("refused");
  });
});
