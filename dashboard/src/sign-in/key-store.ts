/**
 * Keeps a sign-in over a reload of the page: the key as one that signs and can't be read out again, and
 * for the tab alone.
 */

import type { SigningKey } from "@agent-heartbeat/sdk";
import type { Viewer } from "./credentials";

export interface StoredSignIn extends Viewer {
  key: SigningKey;
}

const DATABASE = "agent-heartbeat";
const STORE = "sign-ins";
/** Names the tab's own sign-in. */
const TAB_ENTRY = "agent-heartbeat.viewer";

export async function keepSignIn(signIn: StoredSignIn, now: number): Promise<void> {
  await inStore("readwrite", (store) => {
    const expired = store.openCursor();
    expired.onsuccess = () => {
      const cursor = expired.result;
      if (!cursor) return;
      if ((cursor.value as StoredSignIn).expiresAt <= now) cursor.delete();
      cursor.continue();
    };
    return store.put(signIn, signIn.agentId);
  });
  sessionStorage.setItem(TAB_ENTRY, signIn.agentId);
}

/** The tab's sign-in, or undefined if it has none. */
export async function keptSignIn(): Promise<StoredSignIn | undefined> {
  const name = sessionStorage.getItem(TAB_ENTRY);
  if (name === null) return undefined;
  return inStore<StoredSignIn | undefined>("readonly", (store) => store.get(name));
}

export async function forgetSignIn(): Promise<void> {
  const name = sessionStorage.getItem(TAB_ENTRY);
  sessionStorage.removeItem(TAB_ENTRY);
  if (name !== null) await inStore("readwrite", (store) => store.delete(name));
}

async function inStore<T>(
  mode: IDBTransactionMode,
  use: (store: IDBObjectStore) => IDBRequest,
): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await done<IDBDatabase>(opening);
  try {
    return await done<T>(use(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

const done = <T>(request: IDBRequest): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error);
  });
