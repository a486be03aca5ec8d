/** Rehearsal: an agent's key has leaked. */

import { testKey } from "../../testing/login";
import {
  connect,
  isAcknowledged,
  type Rehearsal,
  register,
  rejectionOf,
  statusOf,
} from "./rehearsal";

export const key: Rehearsal = {
  name: "key",
  heading: "A leaked key",
  async run(context) {
    const { home, organizationId, step, expect } = context;
    const { registry } = home.target;
    const name = { organizationId, agentId: "leaky" };
    const leaked = await register(context, "leaky");
    const neighbour = await connect(context, home, await register(context, "neighbour"));
    const thief = await connect(context, home, leaked);
    step("somebody connected with a leaked key");

    await registry.disable(name);
    expect("the service closes the connection at once", (await thief.closed) === 1000);
    expect("the agent is offline", (await statusOf(context, home, "leaky")) === "offline");
    expect(
      "a login with the leaked key is rejected",
      (await rejectionOf(context, home, leaked)) === 403,
    );
    step("the agent was disabled");

    const fresh = { agentId: "leaky", key: await testKey("ES256") };
    await registry.addKey({ ...name, publicKey: fresh.key.jwk as never });
    await registry.removeKey({ ...name, keyId: leaked.key.keyId });
    await registry.enable(name);
    step("a new key was added, the leaked one removed, and the agent enabled");
    expect("the new key is accepted", (await rejectionOf(context, home, fresh)) === null);
    expect("the leaked key is still rejected", (await rejectionOf(context, home, leaked)) === 403);
    expect("other agents are not affected", await isAcknowledged(neighbour));

    const open = await connect(context, home, fresh);
    const next = await testKey("ES256");
    await registry.rotateKey({ ...name, publicKey: next.jwk as never });
    await registry.removeKey({ ...name, keyId: fresh.key.keyId });
    expect(
      "removing a key without disabling the agent leaves its connection open, hence the order of steps",
      await isAcknowledged(open),
    );
    await Promise.all([open.close(), neighbour.close()]);
  },
};
