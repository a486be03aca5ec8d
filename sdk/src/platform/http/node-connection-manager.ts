/** The connection manager of Node.js, in the main thread and in others: it may send heartbeats over HTTP. */

import type { Agent } from "node:http";
import { ConnectionManager } from "../../connection/connection-manager";
import type { ManagerHealth } from "../../connection/health";
import type { ManagerOptions } from "../../connection/manager-options";
import type { ManagerEvent } from "../../connection/manager-port";
import type { Runtime } from "../runtime";
import { HttpHeartbeats } from "./heartbeat-sockets";
import { LeaseRequests } from "./lease-requests";

export interface NodeManagerSettings {
  /** Takes the connections, in place of the proxy that the environment names. */
  agent?: Agent | undefined;
  warn(message: string): void;
}

export function nodeConnectionManager(
  options: ManagerOptions,
  runtime: Runtime,
  emit: (event: ManagerEvent) => void,
  { agent, warn }: NodeManagerSettings,
): ConnectionManager {
  const { httpUrl, login, loadKey, heartbeat } = options;
  if (httpUrl === undefined || !heartbeat) return new ConnectionManager(options, runtime, emit);
  const requests = new LeaseRequests({ httpUrl, login, loadKey, agent }, runtime);
  const http = new HttpHeartbeats(requests, options, runtime, warn);
  return new HttpConnectionManager(http, options, runtime, emit);
}

class HttpConnectionManager extends ConnectionManager {
  constructor(
    private readonly http: HttpHeartbeats,
    options: ManagerOptions,
    runtime: Runtime,
    emit: (event: ManagerEvent) => void,
  ) {
    super(options, { ...runtime, openSocket: http.openSocket }, emit);
  }

  override health(): ManagerHealth {
    return { ...super.health(), http: this.http.health() };
  }
}
