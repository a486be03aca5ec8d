/** An agent's key has leaked. */

import { testKey } from "../../testing/login";
import {
  connect,
  isAcknowledged,
  type Rehearsal,
  refusalOf,
  register,
  statusOf,
} from "./rehearsal";

export const key: Rehearsal = {
  name: "key",
  heading: "A key has leaked",
  async play(scene) {
    const { home, organizationId, did, judge } = scene;
    const { registry } = home.target;
    const name = { organizationId, agentId: "leaky" };
    const leaked = await register(scene, "leaky");
    const neighbour = await connect(scene, home, await register(scene, "neighbour"));
    const thief = await connect(scene, home, leaked);
    did("somebody connected with a leaked key");

    await registry.disable(name);
    judge(
      "the connection is closed by the service, not by anyone's waiting",
      (await thief.closed) === 1000,
    );
    judge("the agent is offline", (await statusOf(scene, home, "leaky")) === "offline");
    judge("no login with the key is let in", (await refusalOf(scene, home, leaked)) === 403);
    did("the agent was disabled");

    const fresh = { agentId: "leaky", key: await testKey("ES256") };
    await registry.addKey({ ...name, publicKey: fresh.key.jwk as never });
    await registry.removeKey({ ...name, keyId: leaked.key.keyId });
    await registry.enable(name);
    did("a new key was added, the leaked one removed, and the agent enabled");
    judge("the new key is let in", (await refusalOf(scene, home, fresh)) === null);
    judge("the leaked one is not", (await refusalOf(scene, home, leaked)) === 403);
    judge("nobody else has noticed", await isAcknowledged(neighbour));

    const open = await connect(scene, home, fresh);
    const next = await testKey("ES256");
    await registry.rotateKey({ ...name, publicKey: next.jwk as never });
    await registry.removeKey({ ...name, keyId: fresh.key.keyId });
    judge(
      "a key that is removed without disabling leaves its connection open: hence the order",
      await isAcknowledged(open),
    );
    await Promise.all([open.close(), neighbour.close()]);
  },
};
