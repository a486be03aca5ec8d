/** The options of a fleet's watcher, and how they are resolved. */

import { type AgentOptions, type ResolvedOptions, resolveOptions } from "../options";

/** Options of `FleetWatcher`: the options of an agent that apply to a viewer. */
export interface WatcherOptions
  extends Pick<
    AgentOptions,
    | "agentId"
    | "organizationId"
    | "url"
    | "privateKey"
    | "keyId"
    | "reconnect"
    | "rotateAfter"
    | "connectTimeout"
    | "closeTimeout"
    | "requestTimeout"
    | "logger"
    | "runtime"
  > {
  /** Whether to include each agent's capabilities and metadata. @default false */
  profiles?: boolean | undefined;
}

export interface ResolvedWatcherOptions
  extends Pick<ResolvedOptions, "managerOptions" | "requestTimeoutMs" | "logger"> {
  profiles: boolean;
}

/** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
export function resolveWatcherOptions(options: WatcherOptions): ResolvedWatcherOptions {
  const resolved = resolveOptions(options, "heartbeat");
  const login = { ...resolved.managerOptions.login, claims: { watches: true } };
  return {
    ...resolved,
    managerOptions: { ...resolved.managerOptions, login },
    profiles: options.profiles ?? false,
  };
}
