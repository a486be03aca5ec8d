/** The status table is lost, and an older copy takes its place. */

import { StatusReader } from "@agent-heartbeat/sdk/status";
import {
  connect,
  isAcknowledged,
  type Rehearsal,
  register,
  type Scene,
  statusOf,
} from "./rehearsal";
import { copyOf, restore, STATUS_KEYS } from "./table-copy";

/** Longer than any lease of the rehearsal. */
const LATER_MS = 10 * 60_000;

export const statusTable: Rehearsal = {
  name: "status-table",
  heading: "The status table is lost",
  async play(scene) {
    const { home, organizationId, did, judge } = scene;
    const { client, statusTableName } = home.target;
    const actors = {
      steady: await register(scene, "steady"),
      moved: await register(scene, "moved"),
      gone: await register(scene, "gone"),
      late: await register(scene, "late"),
      banned: await register(scene, "banned"),
    };
    const steady = await connect(scene, home, actors.steady);
    const first = await connect(scene, home, actors.moved);
    const gone = await connect(scene, home, actors.gone);
    const banned = await connect(scene, home, actors.banned);
    const copy = await copyOf(client, statusTableName, organizationId);
    did(`four agents connected; a copy of the table has ${copy.length} rows`);

    const second = await connect(scene, home, actors.moved);
    await gone.close();
    await home.target.registry.disable({ organizationId, agentId: "banned" });
    await banned.closed;
    const late = await connect(scene, home, actors.late);
    did("since then one connected anew, one closed, one was disabled, and a fifth connected");

    await restore(client, statusTableName, organizationId, STATUS_KEYS, copy);
    did("the table was lost and the copy restored");
    judge("nothing is known of who came after the copy", !(await statusOf(scene, home, "late")));

    judge(
      "the next heartbeat of each open connection is acknowledged",
      (await Promise.all([steady, second, late].map(isAcknowledged))).every(Boolean),
    );
    judge(
      "and brings its agent back, whatever row or none was restored",
      (await statuses(scene, ["steady", "moved", "late"])).every((status) => status === "online"),
    );
    const row = await home.target.statuses.getAgent(organizationId, "moved");
    first.send({ type: "heartbeat" });
    await first.closed;
    const after = await home.target.statuses.getAgent(organizationId, "moved");
    judge(
      "the connection that the copy named is superseded and can't take its row back",
      row !== null && after?.connectionId === row?.connectionId && after?.status === "online",
    );
    const later = new StatusReader({
      client,
      tableName: statusTableName,
      now: () => Date.now() + LATER_MS,
      correctClock: false,
    });
    judge(
      "who was online in the copy only reads as offline when the lease of then has run out",
      (await later.getAgent(organizationId, "gone"))?.status === "offline" &&
        (await later.getAgent(organizationId, "banned"))?.status === "offline",
    );
    await home.target.registry.disable({ organizationId, agentId: "banned" });
    judge(
      "who was disabled since is offline at once when it is disabled again",
      (await statusOf(scene, home, "banned")) === "offline",
    );
    await Promise.all([steady, second, late].map((connection) => connection.close()));
  },
};

const statuses = (scene: Scene, agentIds: string[]) =>
  Promise.all(agentIds.map((agentId) => statusOf(scene, scene.home, agentId)));
