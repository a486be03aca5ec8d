/** Operators who lock the agent out, take its keys away, and let it in. */

import { revoke, revokeKey, tombstone } from "../../../sdk/src/registry/revocation";
import { DynamoDbClock } from "../../../sdk/src/status/dynamodb-clock";
import type { Calls } from "./calls";
import type { Offer } from "./offer";
import { NAME, SKEW_MS, type World } from "./world";

export class Operators {
  constructor(
    private readonly world: World,
    private readonly calls: Calls,
  ) {}

  /** What they may do next. */
  offer(detail: number, { offer, likely }: Offer): void {
    const { registered, enabled, key } = this.world.registry;
    const locks = detail % 3 === 0 ? likely(7, 1) : 0;
    if (registered && enabled) offer(locks, () => this.lockOut("disable", detail));
    if (registered && !enabled) offer(1, () => this.#letIn("enable"));
    if (registered && detail % 2 === 0) offer(locks, () => this.lockOut("remove", detail));
    // The last two keys that were taken away are remembered: an agent has no more of them at once.
    if (registered && detail % 2 === 0 && key < 2) offer(locks, () => this.rotateKey(detail));
    if (!registered) offer(1, () => this.#letIn("register"));
  }

  lockOut(how: "disable" | "remove", detail: number): void {
    const token = Math.max(this.world.now, this.world.registry.token + 1);
    this.world.registry = {
      ...this.world.registry,
      registered: how === "disable",
      enabled: false,
      token,
    };
    const clock = this.#operatorsClock(detail);
    const act = how === "disable" ? revoke : tombstone;
    const operation = this.calls.run("lockout", how, undefined, async (_, client) => {
      try {
        await act({ client, tableName: "AgentStatus", clock }, NAME, token);
      } finally {
        // Who has the name next starts from nothing, unless it was there before the row was cleared. Where it failed,
        // nobody knows how far it came.
        if (how === "remove") this.world.forgetProcesses();
      }
      this.world.lockedOut = Math.max(this.world.lockedOut, token);
      return "done";
    });
    operation.token = token;
  }

  /** A new key, and the old one is taken away at once. */
  rotateKey(detail: number): void {
    const key = `key-${this.world.registry.key}`;
    this.world.registry.key += 1;
    const clock = this.#operatorsClock(detail);
    const operation = this.calls.run(
      "lockout",
      `takes ${key} away`,
      undefined,
      async (_, client) => {
        await revokeKey({ client, tableName: "AgentStatus", clock }, NAME, key);
        this.world.revokedKeys.add(key);
        return "done";
      },
    );
    operation.key = key;
  }

  #operatorsClock(detail: number): DynamoDbClock {
    const aheadMs = detail % 2 === 0 ? 0 : SKEW_MS;
    const clock = new DynamoDbClock(() => this.world.now + aheadMs);
    clock.watch = (command) => command;
    return clock;
  }

  #letIn(how: "enable" | "register"): void {
    const { token } = this.world.registry;
    const next = how === "enable" ? token : Math.max(this.world.now, token + 1);
    this.world.registry = { ...this.world.registry, registered: true, enabled: true, token: next };
    this.world.note(`${how}`);
  }
}
