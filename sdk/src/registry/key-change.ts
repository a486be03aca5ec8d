/** The possible changes of an agent's keys. An agent always has one or two. */

import type { PublicKey } from "../../../core/public-key";
import type { RegisteredAgent, RegisteredKey } from "../../../core/registry-record";
import { KeyExistsError, LastKeyError, TooManyKeysError, unknownKey } from "./errors";

/** Keys that an agent may have at once: one to use, one to change to. */
const MAX_KEYS = 2;

/** A removed key. Only the last ones are stored. */
export type RetiredKey = NonNullable<RegisteredAgent["retiredKeys"]>[number];

/** How many removed keys are stored. An agent has at most two keys, so only the last two removed ones may still be in use. */
const MOST_RETIRED = 2;

/** What an agent's keys become, or why not. */
export type KeyChange = (agent: RegisteredAgent, now: number) => RegisteredKey[];

/** Adds a key. @throws KeyExistsError, TooManyKeysError */
export function withKey(key: PublicKey): KeyChange {
  return (agent, now) => {
    expectNew(agent, key);
    if (agent.publicKeys.length >= MAX_KEYS) {
      const held = agent.publicKeys.map(({ keyId }) => keyId).join(", ");
      throw new TooManyKeysError(
        `agent ${agent.agentId}: expected fewer than ${MAX_KEYS} keys before one is added, got ${held}`,
      );
    }
    return [...agent.publicKeys, { ...key, addedAt: now }];
  };
}

/** Adds a key and removes one, if necessary or requested. @throws KeyExistsError, UnknownKeyError */
export function withRotatedKey(key: PublicKey, retire: string | undefined): KeyChange {
  return (agent, now) => {
    expectNew(agent, key);
    if (retire !== undefined) expectHeld(agent, retire);
    const kept = agent.publicKeys.filter(({ keyId }) => keyId !== retire);
    return [...kept.slice(-(MAX_KEYS - 1)), { ...key, addedAt: now }];
  };
}

/** Takes a key away. @throws UnknownKeyError, LastKeyError */
export function withoutKey(keyId: string): KeyChange {
  return (agent) => {
    expectHeld(agent, keyId);
    if (agent.publicKeys.length === 1) {
      throw new LastKeyError(
        `agent ${agent.agentId}: expected another key beside ${keyId} before it is removed, got none`,
      );
    }
    return agent.publicKeys.filter((key) => key.keyId !== keyId);
  };
}

/** The keys that a change removes, and the stored ones that were removed before. */
export function retirement(agent: RegisteredAgent, publicKeys: readonly RegisteredKey[]) {
  const retired = agent.publicKeys
    .filter((key) => !publicKeys.some(({ keyId }) => keyId === key.keyId))
    .map(({ keyId, addedAt }): RetiredKey => ({ keyId, addedAt }));
  return { retired, remembered: [...(agent.retiredKeys ?? []), ...retired].slice(-MOST_RETIRED) };
}

/** Which keys the same change took away before, if it was done. */
export type DoneBefore = (agent: RegisteredAgent) => RetiredKey[];

/** The keys that `withRotatedKey` took away when it made the newest key this one. */
export function rotatedAway({ keyId }: PublicKey, retire: string | undefined): DoneBefore {
  return ({ publicKeys, retiredKeys = [] }) => {
    const isDone = publicKeys.at(-1)?.keyId === keyId && !publicKeys.some(isKey(retire));
    return isDone ? retiredKeys.filter((key) => retire === undefined || key.keyId === retire) : [];
  };
}

/** The key that `withoutKey` took away. */
export function takenAway(keyId: string): DoneBefore {
  return ({ publicKeys, retiredKeys = [] }) =>
    publicKeys.some(isKey(keyId)) ? [] : retiredKeys.filter(isKey(keyId));
}

const isKey = (keyId: string | undefined) => (key: RetiredKey) => key.keyId === keyId;

function expectNew(agent: RegisteredAgent, { keyId }: PublicKey): void {
  if (agent.publicKeys.some((key) => key.keyId === keyId)) {
    throw new KeyExistsError(`agent ${agent.agentId}: expected a new key, got its own ${keyId}`);
  }
}

function expectHeld(agent: RegisteredAgent, keyId: string): void {
  if (!agent.publicKeys.some((key) => key.keyId === keyId)) throw unknownKey(agent, keyId);
}
