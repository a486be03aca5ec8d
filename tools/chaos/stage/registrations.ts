/** The registrations of a run's agents, as an operator changes them: past the faulty proxy. */

import { generateKeyPairSync, type KeyObject } from "node:crypto";
import {
  AgentExistsError,
  AgentRegistry,
  IncompleteChangeError,
  KeyExistsError,
  UnknownAgentError,
} from "@agent-heartbeat/sdk/registry";
import { clientOf } from "../../../testing/engine";

/** A change is tried again a quarter of a second later, for longer than the engine takes to start. */
const ATTEMPTS = 240;
const PAUSE_MS = 250;

export interface RegistrationsOptions {
  organizationId: string;
  registryTableName: string;
  statusTableName: string;
  /** Where the engine is now, for it may be started anew. */
  endpoint(): string;
}

export class Registrations {
  /** The key of all agents, and the one to change to. */
  readonly #keys = {
    first: generateKeyPairSync("ed25519"),
    second: generateKeyPairSync("ed25519"),
  };
  readonly #rotated = new Set<string>();

  constructor(private readonly options: RegistrationsOptions) {}

  /** The private key whose public half is registered for an agent. */
  privateKeyOf(agentId: string): string {
    const { privateKey } = this.#keys[this.#rotated.has(agentId) ? "second" : "first"];
    return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  }

  /** Whether an agent's key has been taken away before, which can be done once. */
  isRotated(agentId: string): boolean {
    return this.#rotated.has(agentId);
  }

  register(agentId: string): Promise<void> {
    const publicKey = pemOf(this.#keys[this.#rotated.has(agentId) ? "second" : "first"].publicKey);
    return this.#change((registry) => registry.register({ ...this.#name(agentId), publicKey }));
  }

  remove(agentId: string): Promise<void> {
    return this.#change((registry) => registry.remove(this.#name(agentId)));
  }

  disable(agentId: string): Promise<void> {
    return this.#change((registry) => registry.disable(this.#name(agentId)));
  }

  enable(agentId: string): Promise<void> {
    return this.#change((registry) => registry.enable(this.#name(agentId)));
  }

  /** Replaces the agent's key, and ends the connections that were opened with the former one. */
  async rotate(agentId: string): Promise<void> {
    let ended = true;
    await this.#change(async (registry) => {
      const agent = await registry.get(this.#name(agentId));
      const retire = agent?.publicKeys[0]?.keyId;
      const publicKey = pemOf(this.#keys.second.publicKey);
      const rotation = { ...this.#name(agentId), publicKey, now: true };
      try {
        await registry.rotateKey(retire === undefined ? rotation : { ...rotation, retire });
      } catch (error) {
        if (!(error instanceof IncompleteChangeError)) throw error;
        ended = false;
      }
    });
    // The engine was killed in between. A rotation can't be repeated; a lock-out ends the connections as well.
    if (!ended) {
      await this.disable(agentId);
      await this.enable(agentId);
    }
    this.#rotated.add(agentId);
  }

  #name(agentId: string) {
    return { organizationId: this.options.organizationId, agentId };
  }

  /** What an attempt has done whose answer was lost, the next one finds done. */
  async #change(change: (registry: AgentRegistry) => Promise<unknown>): Promise<void> {
    const done = [AgentExistsError, KeyExistsError, UnknownAgentError];
    for (let attempt = 1; ; attempt++) {
      const client = clientOf(this.options.endpoint());
      try {
        await change(new AgentRegistry({ client, ...this.options }));
        return;
      } catch (error) {
        if (attempt > 1 && done.some((kind) => error instanceof kind)) return;
        if (attempt >= ATTEMPTS) throw error;
      } finally {
        client.destroy();
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

const pemOf = (key: KeyObject) => key.export({ type: "spki", format: "pem" }).toString();
