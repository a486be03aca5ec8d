/** An agent's own way to the service: one for its WebSockets, and one for its requests over HTTP. Faults befall both. */

import { FaultProxy } from "../../../testing/fault-proxy";
import type { ReadyRuntime } from "./programs";

export class AgentLink {
  private constructor(
    private readonly webSocket: FaultProxy,
    private readonly http: FaultProxy | undefined,
  ) {}

  /** @param overHttp whether the agent sends heartbeats over HTTP */
  static async start({ port, httpPort }: ReadyRuntime, overHttp: boolean): Promise<AgentLink> {
    const webSocket = await FaultProxy.start(port);
    return new AgentLink(webSocket, overHttp ? await FaultProxy.start(httpPort) : undefined);
  }

  get port(): number {
    return this.webSocket.port;
  }

  get httpPort(): number | undefined {
    return this.http?.port;
  }

  /** The number of WebSockets. Connections for HTTP stay open for a while after a request. */
  get size(): number {
    return this.webSocket.size;
  }

  /** Leads to a restarted runtime, whose HTTP port may have changed. */
  leadTo({ httpPort }: ReadyRuntime): void {
    if (this.http) this.http.targetPort = httpPort;
  }

  freeze(): void {
    for (const proxy of this.#both) proxy.freeze();
  }

  thaw(): void {
    for (const proxy of this.#both) proxy.thaw();
  }

  delay(ms: number): void {
    for (const proxy of this.#both) proxy.delay(ms);
  }

  reset(): void {
    for (const proxy of this.#both) proxy.reset();
  }

  async close(): Promise<void> {
    for (const proxy of this.#both) await proxy.close();
  }

  get #both(): FaultProxy[] {
    return this.http ? [this.webSocket, this.http] : [this.webSocket];
  }
}
