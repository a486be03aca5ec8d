/**
 * Rehearsal: the registry is lost. First all of it, with an export at hand; then the changes since
 * an older copy.
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { testKey } from "../../testing/login";
import {
  connect,
  isAcknowledged,
  type Rehearsal,
  register,
  rejectionOf,
  statusOf,
} from "./rehearsal";
import { copyOf, REGISTRY_KEYS, restore } from "./table-copy";

export const registry: Rehearsal = {
  name: "registry",
  heading: "A lost registry",
  async run(context) {
    const { home, organizationId, step, expect } = context;
    const { client, registryTableName, registry: agents } = home.target;
    const worker = await register(context, "worker");
    const disabled = await register(context, "disabled");
    await agents.disable({ organizationId, agentId: "disabled" });
    const second = { agentId: "worker", key: await testKey("ES256") };
    await agents.addKey({ organizationId, agentId: "worker", publicKey: second.key.jwk as never });
    const connection = await connect(context, home, worker);
    const at = ["--organization", organizationId];
    const file = join(home.folder, "registry.json");
    await writeFile(file, await home.cli("agents", "list", "--json", ...at));
    step(
      "an agent with two keys is online, another is disabled; `agents list --json` wrote a file",
    );

    await restore(client, registryTableName, organizationId, REGISTRY_KEYS, []);
    step("the registry was lost");
    expect("an open connection stays open", await isAcknowledged(connection));
    expect("its agent is shown as online", (await statusOf(context, home, "worker")) === "online");
    expect("new logins are rejected", (await rejectionOf(context, home, second)) === 403);

    const output = await home.cli("agents", "import", file, ...at);
    step(`agents import: ${output.trim()}`);
    expect("both keys of the agent are accepted again", await bothAccepted());
    expect(
      "the disabled agent is still disabled",
      (await rejectionOf(context, home, disabled)) === 403,
    );

    const copy = await copyOf(client, registryTableName, organizationId);
    const newcomer = await register(context, "newcomer");
    const open = await connect(context, home, newcomer);
    await agents.disable({ organizationId, agentId: "worker" });
    await restore(client, registryTableName, organizationId, REGISTRY_KEYS, copy);
    step("an agent was registered and one disabled; then an older copy was restored");
    expect("an agent registered after the copy stays connected", await isAcknowledged(open));
    expect("it can't connect again", (await rejectionOf(context, home, newcomer)) === 403);
    expect(
      "an agent disabled after the copy stays locked out, for its status row knows",
      (await rejectionOf(context, home, worker)) === 403,
    );
    const { jwk } = newcomer.key;
    await agents.register({ organizationId, agentId: "newcomer", publicKey: jwk as never });
    await agents.disable({ organizationId, agentId: "worker" });
    step("both changes were repeated");
    expect(
      "the new agent can connect, the disabled agent can't",
      (await rejectionOf(context, home, newcomer)) === null &&
        (await rejectionOf(context, home, worker)) === 403,
    );
    await open.close();

    async function bothAccepted(): Promise<boolean> {
      const refusals = [
        await rejectionOf(context, home, worker),
        await rejectionOf(context, home, second),
      ];
      return refusals.every((refusal) => refusal === null);
    }
  },
};
