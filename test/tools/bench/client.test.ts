import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { OWN } from "../../../tools/bench/client/clients";
import type { ClientReport } from "../../../tools/bench/client/measure";

const REPORT = join(__dirname, "../../../tools/bench/client/report.json");

describe("the client benchmark's report", () => {
  const { figures } = JSON.parse(readFileSync(REPORT, "utf8")) as { figures: ClientReport };

  it("counts the bytes of a framed heartbeat and its ack", () => {
    const own = figures.kinds.find(({ kind }) => kind === OWN);
    const heartbeat = { type: "heartbeat", activity: { state: "idle", eventLoopLagMs: 0 } };
    const ack = { type: "heartbeat_ack", serverTime: 1.7e12, leaseExpiresAt: 1.7e12 };
    // A client's frame has a four-byte mask in addition to the two-byte header. The lag may have a
    // digit or two more.
    const up = JSON.stringify(heartbeat).length + 6;
    expect(own?.exchange.up).toBeGreaterThanOrEqual(up);
    expect(own?.exchange.up).toBeLessThan(up + 3);
    expect(own?.exchange.down).toBeCloseTo(JSON.stringify(ack).length + 2, 1);
  });

  it("covers ten thousand agents in one process, all healthy", () => {
    expect(figures.many).toMatchObject({ agents: 10_000, healthy: 10_000 });
  });
});
