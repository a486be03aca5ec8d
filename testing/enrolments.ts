/** Enrolments for tests, and requests to use them. */

import { randomBytes } from "node:crypto";
import {
  EnrolmentRegistry,
  type EnrolmentTerms,
  type PublicKey,
} from "@agent-heartbeat/sdk/registry";
import { enrol } from "../lambda/enrol/enrol";
import { dynamoDbEnrolmentStore, type EnrolmentStore } from "../lambda/enrol/store";
import type { Engine } from "./engine";

/** A key that differs from all others. Nothing is ever signed with it. */
export function anyKey(): PublicKey {
  const x = randomBytes(32).toString("base64url");
  return { keyId: x, algorithm: "EdDSA", jwk: { kty: "OKP", crv: "Ed25519", x } };
}

/** For enrolments with tokens, which ask no STS. */
export const NO_STS = {
  audiences: [],
  ask: async () => ({ outcome: "unavailable" as const, reason: "there is no STS" }),
};

/**
 * Makes enrolments of an organization, and uses them.
 *
 * @param clock epoch milliseconds, of uses. Enrolments are made at the engine's time
 */
export function enrolmentsOf(engine: Engine, organizationId: string, clock: () => number) {
  const { client, registryTableName, statusTableName } = engine;
  const tables = { client, registryTableName, statusTableName };
  const registry = new EnrolmentRegistry(tables);
  const store = dynamoDbEnrolmentStore({ ...tables, pause: async () => undefined });
  return {
    registry,
    store,
    create: (terms: Partial<EnrolmentTerms> = {}) =>
      registry.create({
        organizationId,
        agents: "worker-*",
        uses: 10,
        expiresAt: clock() + 30 * 24 * 3_600_000,
        ...terms,
      }),
    /** @param before what others do just before a step of the store */
    enrol: (
      token: string,
      agentId: string,
      publicKey = anyKey(),
      before: Partial<Record<keyof EnrolmentStore, () => Promise<unknown>>> = {},
    ) => enrol({ token, agentId, publicKey }, clock(), interrupted(store, before), NO_STS),
  };
}

/** A store in which something happens once, just before a step. */
function interrupted(
  store: EnrolmentStore,
  before: Partial<Record<keyof EnrolmentStore, () => Promise<unknown>>>,
): EnrolmentStore {
  const steps = Object.entries(before).map(([name, happen]) => {
    let happened: Promise<unknown> | undefined;
    const step = store[name as keyof EnrolmentStore] as (...args: unknown[]) => unknown;
    const interruptedStep = async (...args: unknown[]) => {
      happened ??= happen();
      await happened;
      return step(...args);
    };
    return [name, interruptedStep];
  });
  return { ...store, ...Object.fromEntries(steps) };
}
