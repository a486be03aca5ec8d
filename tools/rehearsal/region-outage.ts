/** Rehearsal: a region fails, and the fleet moves to another deployment and back. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { audienceOf, SUBPROTOCOL } from "../../core/login-claims";
import { BareClient } from "../../testing/e2e/client";
import { until } from "../../testing/e2e/until";
import { loginClaims, signToken } from "../../testing/login";
import { connect, isAcknowledged, type Rehearsal, register, statusOf } from "./rehearsal";

export const regionOutage: Rehearsal = {
  name: "region",
  heading: "A region outage",
  async run(context) {
    const { home, organizationId, step, expect } = context;
    const at = ["--organization", organizationId];
    const fleet = [await register(context, "a1"), await register(context, "a2")];
    const connections = [];
    for (const agent of fleet) connections.push(await connect(context, home, agent));
    const exported = await home.cli("agents", "list", "--json", ...at);
    const url = home.target.url;

    const away = await context.openRegion();
    const file = join(away.folder, "registry.json");
    await writeFile(file, exported);
    const output = await away.cli("agents", "import", file, ...at);
    step(`the registry was imported into a second region beforehand: ${output.trim()}`);
    expect("no agent is online there yet", (await statusOf(context, away, "a1")) === undefined);

    const token = await signToken(
      fleet[0]?.key as never,
      loginClaims(audienceOf(url), Date.now(), { org: organizationId }),
    );
    const foreign = await BareClient.offer(away.target.url, [SUBPROTOCOL, token]).catch(
      (error: { statusCode?: number }) => error.statusCode,
    );
    expect("a login token for one region is rejected by the other", foreign === 403);

    await home.stop();
    await Promise.all(connections.map((connection) => connection.closed));
    step("the first region failed and closed every connection");
    const moved = [];
    for (const agent of fleet) moved.push(await connect(context, away, agent));
    step("the agents were started with the other region's URL and the same keys");
    expect(
      "all agents are online there after connecting",
      (await Promise.all(["a1", "a2"].map((agentId) => statusOf(context, away, agentId)))).every(
        (status) => status === "online",
      ),
    );
    expect(
      "their heartbeats are acknowledged",
      (await Promise.all(moved.map(isAcknowledged))).every(Boolean),
    );

    const back = await context.openRegion();
    await writeFile(join(back.folder, "registry.json"), exported);
    await back.cli("agents", "import", join(back.folder, "registry.json"), ...at);
    step("the first region came back with only the imported registry in its tables");
    await Promise.all(moved.map((connection) => connection.close(1000, "drained")));
    const home2 = [];
    for (const agent of fleet) home2.push(await connect(context, back, agent));
    expect(
      "the agents are online in the first region and drained in the other",
      (await statusOf(context, back, "a1")) === "online" && (await reasonOf("a1")) === "drained",
    );
    await Promise.all(home2.map((connection) => connection.close()));

    /** The offline reason, once the gateway has reported the disconnect. */
    function reasonOf(agentId: string) {
      return until(async () => {
        const agent = await away.target.statuses.getAgent(organizationId, agentId);
        return agent?.reason ?? undefined;
      });
    }
  },
};
