/** A whole region is out: the fleet goes to a deployment in another one, and comes back. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { audienceOf, SUBPROTOCOL } from "../../core/protocol";
import { BareClient } from "../../testing/e2e/client";
import { until } from "../../testing/e2e/until";
import { loginClaims, signToken } from "../../testing/login";
import { connect, isAcknowledged, type Rehearsal, register, statusOf } from "./rehearsal";

export const regionOutage: Rehearsal = {
  name: "region",
  heading: "A region is out",
  async play(scene) {
    const { home, organizationId, did, judge } = scene;
    const at = ["--organization", organizationId];
    const fleet = [await register(scene, "a1"), await register(scene, "a2")];
    const connections = [];
    for (const actor of fleet) connections.push(await connect(scene, home, actor));
    const exported = await home.cli("agents", "list", "--json", ...at);
    const url = home.target.url;

    const away = await scene.openRegion();
    const file = join(away.folder, "registry.json");
    await writeFile(file, exported);
    const said = await away.cli("agents", "import", file, ...at);
    did(`the registry was imported into a second region beforehand: ${said.trim()}`);
    judge("nobody is online there yet", (await statusOf(scene, away, "a1")) === undefined);

    const token = await signToken(
      fleet[0]?.key as never,
      loginClaims(audienceOf(url), Date.now(), { org: organizationId }),
    );
    const foreign = await BareClient.offer(away.target.url, [SUBPROTOCOL, token]).catch(
      (error: { statusCode?: number }) => error.statusCode,
    );
    judge("a login token of one region is refused in the other", foreign === 403);

    await home.stop();
    await Promise.all(connections.map((connection) => connection.closed));
    did("the first region went out, and with it every connection");
    const moved = [];
    for (const actor of fleet) moved.push(await connect(scene, away, actor));
    did("the agents were started with the other region's URL, and the same keys");
    judge(
      "all are online there, by nothing but their connections",
      (await Promise.all(["a1", "a2"].map((agentId) => statusOf(scene, away, agentId)))).every(
        (status) => status === "online",
      ),
    );
    judge("and are acknowledged", (await Promise.all(moved.map(isAcknowledged))).every(Boolean));

    const back = await scene.openRegion();
    await writeFile(join(back.folder, "registry.json"), exported);
    await back.cli("agents", "import", join(back.folder, "registry.json"), ...at);
    did("the first region came back, with nothing in its tables but the imported registry");
    await Promise.all(moved.map((connection) => connection.close(1000, "drained")));
    const home2 = [];
    for (const actor of fleet) home2.push(await connect(scene, back, actor));
    judge(
      "the agents are online at home, and drained in the other region",
      (await statusOf(scene, back, "a1")) === "online" && (await reasonOf("a1")) === "drained",
    );
    await Promise.all(home2.map((connection) => connection.close()));

    /** Its end is written when the gateway has told of it. */
    function reasonOf(agentId: string) {
      return until(async () => {
        const agent = await away.target.statuses.getAgent(organizationId, agentId);
        return agent?.reason ?? undefined;
      });
    }
  },
};
