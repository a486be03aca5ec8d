/** Changes the keys of registered agents, also if several operators do so at once, and ends the connections of removed keys. */

import type { RegisteredAgent } from "../../../core/registry-record";
import { keyTagOf } from "../../../core/row-connections";
import { ConcurrentChangeError, unknownAgent } from "./errors";
import { type DoneBefore, type KeyChange, type RetiredKey, retirement } from "./key-change";
import type { RecordStore } from "./record-store";
import type { AgentName } from "./record-updates";
import { orIncomplete, type RevocationOptions, revokeKey } from "./revocation";

/** Attempts at a change of keys against others who change the same agent. */
const ATTEMPTS = 10;

export class AgentKeys {
  /** @param find reads an agent whose registration lasts */
  constructor(
    private readonly records: Pick<RecordStore, "setKeys">,
    private readonly revocation: RevocationOptions,
    private readonly find: (name: AgentName) => Promise<RegisteredAgent | undefined>,
  ) {}

  /**
   * Reads, changes and writes the keys, again if another change of them came in between.
   *
   * @param doneBefore if given, connections that were opened with removed keys are ended, also if an earlier
   *   call removed the keys and its answer was lost
   */
  async change(
    name: AgentName,
    change: KeyChange,
    doneBefore?: DoneBefore | false,
  ): Promise<RegisteredAgent> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const agent = await this.find(name);
      if (!agent) throw unknownAgent(name.organizationId, name.agentId);
      const left = doneBefore ? doneBefore(agent) : [];
      if (left.length > 0) {
        await this.#endConnections(name, left);
        return agent;
      }
      const publicKeys = change(agent, this.revocation.clock.now());
      const { retired, remembered } = retirement(agent, publicKeys);
      const changed = await this.records.setKeys(name, agent.publicKeys, publicKeys, remembered);
      if (!changed) continue;
      if (doneBefore) await this.#endConnections(name, retired);
      return changed;
    }
    throw new ConcurrentChangeError(
      `agent ${name.agentId}: expected its keys to rest, got a change of them by others at each of ${ATTEMPTS} attempts`,
    );
  }

  async #endConnections(name: AgentName, keys: readonly RetiredKey[]): Promise<void> {
    for (const tag of keys.map(keyTagOf)) {
      await orIncomplete(name, revokeKey(this.revocation, name, tag));
    }
  }
}
