/** Remembers, for every tab, that the user signed out. Otherwise the next load would sign in again where the address alone suffices. */

const ENTRY = "agent-heartbeat.signed-out";

export function isSignedOut(): boolean {
  try {
    return localStorage.getItem(ENTRY) !== null;
  } catch {
    return false;
  }
}

export function rememberSignOut(signedOut: boolean): void {
  try {
    if (signedOut) localStorage.setItem(ENTRY, "yes");
    else localStorage.removeItem(ENTRY);
  } catch {
    // A browser that keeps nothing: it holds until the page is reloaded.
  }
}

/** Hears of a sign-out in another tab. Returns what ends the listening. */
export function onSignOutElsewhere(listener: () => void): () => void {
  const heard = ({ key, newValue }: StorageEvent) => {
    if (key === ENTRY && newValue !== null) listener();
  };
  addEventListener("storage", heard);
  return () => removeEventListener("storage", heard);
}
