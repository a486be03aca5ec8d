/** Entry point: signs in, starts watching the fleet and renders the page. */

import "@cloudscape-design/global-styles/index.css";
import "./text/long-words.css";
import { FleetWatcher } from "@agent-heartbeat/sdk/fleet";
import I18nProvider from "@cloudscape-design/components/i18n";
import messages from "@cloudscape-design/components/i18n/messages/all.en";
import { StrictMode, useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { FleetContext } from "./fleet/context";
import { FleetStore } from "./fleet/fleet-store";
import { WARN_BEFORE_MS } from "./shell/banners";
import { useColours } from "./shell/colours";
import { forgetSignIn, type StoredSignIn } from "./sign-in/key-store";
import { isLocal, isOffered, repeated } from "./sign-in/local-sign-in";
import { renewed, signIn } from "./sign-in/sign-in";
import { SignedOut } from "./sign-in/signed-out";
import { onSignOutElsewhere, rememberSignOut } from "./sign-in/signing-out";
import { systemClock } from "./time/clock";
import { createTicker, TickerContext } from "./time/ticker";

interface SignedIn {
  viewer: StoredSignIn;
  store: FleetStore;
}

function open(viewer: StoredSignIn): SignedIn {
  const { agentId, organizationId, url, key } = viewer;
  const watcher = new FleetWatcher({
    agentId,
    organizationId,
    url,
    privateKey: key.key,
    keyId: key.keyId,
    profiles: true,
  });
  if (isLocal(viewer)) {
    // A restarted runtime no longer knows its viewers, and refuses; the next attempt succeeds.
    watcher.on("state", ({ failure }) => {
      if (failure) void repeated(viewer).catch(() => undefined);
    });
  }
  const store = new FleetStore(watcher, systemClock);
  store.start();
  return { viewer, store };
}

interface PageProps {
  /** Signed in, or the message to show instead. */
  start: SignedIn | string;
}

function Page({ start }: PageProps) {
  const colours = useColours();
  const [state, setState] = useState(start);
  const end = (problem: string) => {
    if (typeof state === "string") return;
    state.store.stop();
    void forgetSignIn().catch(() => undefined);
    document.title = "Agent Heartbeat";
    setState(problem);
  };
  const begin = (signingIn: Promise<StoredSignIn>) =>
    signingIn.then(
      (viewer) => {
        if (typeof state !== "string") state.store.stop();
        setState(open(viewer));
      },
      (error: Error) => (typeof state === "string" ? setState(error.message) : end(error.message)),
    );
  const signOut = () => {
    if (isOffered()) rememberSignOut(true);
    end("You are signed out");
  };
  const signInAgain = () => {
    rememberSignOut(false);
    void begin(renewed(Date.now()));
  };
  useEffect(() => {
    if (typeof state === "string") return;
    const left = state.viewer.expiresAt - state.store.now();
    const timer = isLocal(state.viewer)
      ? // Before anybody has to be warned of it.
        setTimeout(() => void begin(renewed(Date.now())), left - WARN_BEFORE_MS)
      : setTimeout(() => end("The sign-in has ended"), left);
    return () => clearTimeout(timer);
  });
  useEffect(() => onSignOutElsewhere(() => end("You are signed out")));
  const ticker = useMemo(
    () => createTicker(typeof state === "string" ? Date.now : state.store.now),
    [state],
  );
  if (typeof state === "string") {
    return <SignedOut problem={state} onSignIn={isOffered() ? signInAgain : undefined} />;
  }
  return (
    <FleetContext value={state.store}>
      <TickerContext value={ticker}>
        <App viewer={state.viewer} colours={colours} onSignOut={signOut} />
      </TickerContext>
    </FleetContext>
  );
}

async function main(): Promise<void> {
  const start = await signIn(Date.now()).then(open, (error: Error) => error.message);
  createRoot(document.getElementById("root") as HTMLElement).render(
    <StrictMode>
      <I18nProvider locale="en" messages={[messages]}>
        <Page start={start} />
      </I18nProvider>
    </StrictMode>,
  );
}

void main();
