/** The registry is lost: first all of it, with an export at hand; then what was written since an older copy. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { testKey } from "../../testing/login";
import {
  connect,
  isAcknowledged,
  type Rehearsal,
  refusalOf,
  register,
  statusOf,
} from "./rehearsal";
import { copyOf, REGISTRY_KEYS, restore } from "./table-copy";

export const registry: Rehearsal = {
  name: "registry",
  heading: "The registry is lost",
  async play(scene) {
    const { home, organizationId, did, judge } = scene;
    const { client, registryTableName, registry: agents } = home.target;
    const worker = await register(scene, "worker");
    const disabled = await register(scene, "disabled");
    await agents.disable({ organizationId, agentId: "disabled" });
    const second = { agentId: "worker", key: await testKey("ES256") };
    await agents.addKey({ organizationId, agentId: "worker", publicKey: second.key.jwk as never });
    const connection = await connect(scene, home, worker);
    const at = ["--organization", organizationId];
    const file = join(home.folder, "registry.json");
    await writeFile(file, await home.cli("agents", "list", "--json", ...at));
    did("an agent with two keys is online, another is disabled; `agents list --json` wrote a file");

    await restore(client, registryTableName, organizationId, REGISTRY_KEYS, []);
    did("the registry was lost");
    judge("an open connection goes on", await isAcknowledged(connection));
    judge("and its agent reads as online", (await statusOf(scene, home, "worker")) === "online");
    judge("no new login is let in", (await refusalOf(scene, home, second)) === 403);

    const said = await home.cli("agents", "import", file, ...at);
    did(`agents import: ${said.trim()}`);
    judge("either key of the agent is let in again", await bothLetIn());
    judge("who was disabled still is", (await refusalOf(scene, home, disabled)) === 403);

    const copy = await copyOf(client, registryTableName, organizationId);
    const newcomer = await register(scene, "newcomer");
    const open = await connect(scene, home, newcomer);
    await agents.disable({ organizationId, agentId: "worker" });
    await restore(client, registryTableName, organizationId, REGISTRY_KEYS, copy);
    did("an agent was registered and one disabled; then an older copy was restored");
    judge("who was registered since goes on while it is connected", await isAcknowledged(open));
    judge("and is not let in again", (await refusalOf(scene, home, newcomer)) === 403);
    judge(
      "who was disabled since is let in again: the copy does not know it",
      (await refusalOf(scene, home, worker)) === null,
    );
    const { jwk } = newcomer.key;
    await agents.register({ organizationId, agentId: "newcomer", publicKey: jwk as never });
    await agents.disable({ organizationId, agentId: "worker" });
    did("both changes were made once more");
    judge(
      "the newcomer is let in, and the disabled agent is not",
      (await refusalOf(scene, home, newcomer)) === null &&
        (await refusalOf(scene, home, worker)) === 403,
    );
    await open.close();

    async function bothLetIn(): Promise<boolean> {
      const refusals = [await refusalOf(scene, home, worker), await refusalOf(scene, home, second)];
      return refusals.every((refusal) => refusal === null);
    }
  },
};
