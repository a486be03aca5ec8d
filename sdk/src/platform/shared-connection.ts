/**
 * Lets the watcher of a fleet use its agent's connection: it subscribes beside the agent, and its requests have ids of their own. Both
 * see a connection manager of their own.
 */

import { healthBefore, type ManagerHealth } from "../connection/health";
import type { ManagerEvent, ManagerPort } from "../connection/manager-port";
import { isFinal, type StateChange } from "../connection/state";

/** Of the ids of the watcher's requests. */
const PREFIX = "fleet-";

type Emit = (event: ManagerEvent) => void;

export class SharedConnection {
  #manager: ManagerPort | null = null;
  #agentPatterns: readonly string[] = [];
  #watcher: { patterns: readonly string[]; emit: Emit } | null = null;
  /** Whether all patterns are subscribed to. */
  #ready = false;
  /** How the agent has ended. */
  #end: StateChange | null = null;

  /** @param create makes the connection's manager @returns what the agent sees of it */
  forAgent(create: (emit: Emit) => ManagerPort, emit: Emit): ManagerPort {
    const manager = create((event) => this.#onEvent(event, emit));
    this.#manager = manager;
    return {
      start: () => manager.start(),
      drain: () => manager.drain(),
      stop: (cause) => manager.stop(cause),
      reconnect: () => manager.reconnect(),
      send: (message) => manager.send(message),
      setActivity: (activity) => manager.setActivity(activity),
      health: () => manager.health(),
      setSubscriptions: (patterns) => {
        this.#agentPatterns = patterns;
        this.#subscribe();
      },
    };
  }

  /** What the watcher sees: it connects when the agent does, and ends alone, or with the agent. */
  forWatcher(emit: Emit): ManagerPort {
    const watcher = { patterns: [] as readonly string[], emit };
    const end = (change: StateChange) => {
      if (this.#watcher !== watcher) return;
      this.#watcher = null;
      emit({ type: "state", change });
      if (!this.#end) this.#subscribe();
    };
    this.#watcher = watcher;
    return {
      start: () => {
        if (this.#end) end(this.#end);
        else if (this.#ready) emit({ type: "ready" });
      },
      drain: () => {},
      stop: () => end({ state: "stopped", previous: "connected", reason: "stop", at: Date.now() }),
      reconnect: () => this.#manager?.reconnect(),
      send: (message) => {
        if (!this.#manager) emit({ type: "unsent", message });
        else this.#manager.send({ ...message, id: `${PREFIX}${message.id}` });
      },
      setActivity: () => {},
      health: (): ManagerHealth => this.#manager?.health() ?? healthBefore("connecting"),
      setSubscriptions: (patterns) => {
        watcher.patterns = patterns;
        this.#subscribe();
      },
    };
  }

  #subscribe(): void {
    const more = this.#watcher?.patterns ?? [];
    const all = [...new Set([...this.#agentPatterns, ...more])];
    const isSubscribed = all.every((pattern) => this.#agentPatterns.includes(pattern));
    if (!isSubscribed) this.#ready = false;
    this.#manager?.setSubscriptions(all);
  }

  #onEvent(event: ManagerEvent, emit: Emit): void {
    const own = forWatcherAlone(event);
    if (own) {
      this.#watcher?.emit(own);
      return;
    }
    if (event.type === "ready") this.#ready = true;
    if (event.type === "broken") this.#ready = false;
    const isEnd = event.type === "state" && isFinal(event.change.state);
    if (isEnd) this.#end = event.change;
    emit(event);
    const heard = event.type === "message" && event.message.type === "message";
    const shared = event.type === "state" || event.type === "ready" || event.type === "broken";
    if (heard || shared) this.#watcher?.emit(event);
    if (isEnd) this.#watcher = null;
  }
}

/** The event as it is about a request of the watcher; undefined for any other. */
function forWatcherAlone(event: ManagerEvent): ManagerEvent | undefined {
  if (event.type !== "message" && event.type !== "unsent") return undefined;
  const { message } = event;
  const id = "id" in message ? message.id : undefined;
  if (!id?.startsWith(PREFIX)) return undefined;
  return { ...event, message: { ...message, id: id.slice(PREFIX.length) } } as ManagerEvent;
}
