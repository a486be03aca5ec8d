/** Rehearsal: the status table is lost and restored from an older copy. */

import { StatusReader } from "@agent-heartbeat/sdk/status";
import type { BareClient } from "../../testing/e2e/client";
import {
  connect,
  isAcknowledged,
  type Rehearsal,
  type RehearsalContext,
  register,
  statusOf,
} from "./rehearsal";
import { copyOf, restore, STATUS_KEYS } from "./table-copy";

/** Longer than any lease in the rehearsal. */
const LATER_MS = 10 * 60_000;

export const statusTable: Rehearsal = {
  name: "status-table",
  heading: "A lost status table",
  async run(context) {
    const { home, organizationId, step, expect } = context;
    const { client, statusTableName } = home.target;
    const fleet = {
      steady: await register(context, "steady"),
      moved: await register(context, "moved"),
      gone: await register(context, "gone"),
      late: await register(context, "late"),
      banned: await register(context, "banned"),
    };
    const steady = await connect(context, home, fleet.steady);
    const first = await connect(context, home, fleet.moved);
    const gone = await connect(context, home, fleet.gone);
    const banned = await connect(context, home, fleet.banned);
    const copy = await copyOf(client, statusTableName, organizationId);
    step(`four agents connected; a copy of the table has ${copy.length} rows`);

    const second = await connect(context, home, fleet.moved);
    await gone.close();
    await home.target.registry.disable({ organizationId, agentId: "banned" });
    await banned.closed;
    const late = await connect(context, home, fleet.late);
    step(
      "after the copy, one agent reconnected, one closed, one was disabled, and a fifth connected",
    );

    await restore(client, statusTableName, organizationId, STATUS_KEYS, copy);
    step("the table was lost and the copy restored");
    expect(
      "agents that connected after the copy are unknown",
      !(await statusOf(context, home, "late")),
    );

    /** Behaves like the SDK: sends a heartbeat, and reconnects if that ends its connection. */
    const back = async (connection: BareClient, agent: Fleet[keyof Fleet]) =>
      (await isAcknowledged(connection).catch(() => false))
        ? connection
        : connect(context, home, agent);
    type Fleet = typeof fleet;
    const restored = await Promise.all([
      back(steady, fleet.steady),
      back(second, fleet.moved),
      back(late, fleet.late),
    ]);
    expect(
      "the next heartbeat of each open connection is acknowledged, or its agent connects again",
      (await Promise.all(restored.map(isAcknowledged))).every(Boolean),
    );
    expect(
      "each agent is back, whichever row was restored",
      (await statuses(context, ["steady", "moved", "late"])).every((status) => status === "online"),
    );
    const row = await home.target.statuses.getAgent(organizationId, "moved");
    const refused = !(await isAcknowledged(first).catch(() => false));
    const after = await home.target.statuses.getAgent(organizationId, "moved");
    expect(
      "the connection in the copy is superseded and can't take the row back",
      refused &&
        row !== null &&
        after?.connectionId === row?.connectionId &&
        after?.status === "online",
    );
    const later = new StatusReader({
      client,
      tableName: statusTableName,
      now: () => Date.now() + LATER_MS,
      correctClock: false,
    });
    expect(
      "an agent that is online only in the copy is shown as offline when that lease expires",
      (await later.getAgent(organizationId, "gone"))?.status === "offline" &&
        (await later.getAgent(organizationId, "banned"))?.status === "offline",
    );
    await home.target.registry.disable({ organizationId, agentId: "banned" });
    expect(
      "an agent disabled after the copy is offline as soon as it is disabled again",
      (await statusOf(context, home, "banned")) === "offline",
    );
    await Promise.all(restored.map((connection) => connection.close()));
  },
};

const statuses = (context: RehearsalContext, agentIds: string[]) =>
  Promise.all(agentIds.map((agentId) => statusOf(context, context.home, agentId)));
