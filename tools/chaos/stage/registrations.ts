/** The registrations of a run's agents, as an operator changes them: past the faulty proxy. */

import { generateKeyPairSync, type KeyObject } from "node:crypto";
import {
  AgentExistsError,
  AgentRegistry,
  publicKeyFrom,
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
  /** Where the engine is now: it may have been restarted. */
  endpoint(): string;
}

export class Registrations {
  /** The key of all agents, and the one to change to. */
  readonly #keys = {
    first: generateKeyPairSync("ed25519"),
    second: generateKeyPairSync("ed25519"),
  };
  readonly #rotated = new Set<string>();
  readonly #handedOver = new Set<string>();

  constructor(private readonly options: RegistrationsOptions) {}

  /** The private key that an agent's processes have: the former one after a rotation, until the new one is handed over. */
  privateKeyOf(agentId: string): string {
    const { privateKey } = this.#keys[this.#handedOver.has(agentId) ? "second" : "first"];
    return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  }

  /** Whether an agent's key has been replaced before, which can be done once. */
  isRotated(agentId: string): boolean {
    return this.#rotated.has(agentId);
  }

  /** The agent's processes get the key that is registered. */
  handOver(agentId: string): void {
    if (this.#rotated.has(agentId)) this.#handedOver.add(agentId);
  }

  register(agentId: string): Promise<void> {
    const publicKey = pemOf(this.#keys[this.#rotated.has(agentId) ? "second" : "first"].publicKey);
    return this.#change(
      (registry) => registry.register({ ...this.#name(agentId), publicKey }),
      AgentExistsError,
    );
  }

  remove(agentId: string): Promise<void> {
    return this.#change((registry) => registry.remove(this.#name(agentId)), UnknownAgentError);
  }

  disable(agentId: string): Promise<void> {
    return this.#change((registry) => registry.disable(this.#name(agentId)));
  }

  enable(agentId: string): Promise<void> {
    return this.#change((registry) => registry.enable(this.#name(agentId)));
  }

  /** Replaces the agent's key, and ends the connections that were opened with the former one. */
  async rotate(agentId: string): Promise<void> {
    const publicKey = pemOf(this.#keys.second.publicKey);
    const { keyId: retire } = await publicKeyFrom(pemOf(this.#keys.first.publicKey));
    const rotation = { ...this.#name(agentId), publicKey, retire, now: true };
    await this.#change((registry) => registry.rotateKey(rotation));
    this.#rotated.add(agentId);
  }

  #name(agentId: string) {
    return { organizationId: this.options.organizationId, agentId };
  }

  /** Repeats a change until it is answered. @param done the answer if an earlier attempt made the change */
  async #change(
    change: (registry: AgentRegistry) => Promise<unknown>,
    done?: new (message: string) => Error,
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const client = clientOf(this.options.endpoint());
      try {
        await change(new AgentRegistry({ client, ...this.options }));
        return;
      } catch (error) {
        if (attempt > 1 && done && error instanceof done) return;
        if (attempt >= ATTEMPTS) throw error;
      } finally {
        client.destroy();
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

const pemOf = (key: KeyObject) => key.export({ type: "spki", format: "pem" }).toString();
