/** A TCP proxy between client and server that injects network faults. */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** The sockets on both sides of a connection. */
interface Pair {
  client: Socket;
  server: Socket;
}

export class FaultProxy {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #frozen = false;
  #delayMs = 0;
  #port = 0;

  /** @param targetPort of the server; may change for connections that are made from then on */
  private constructor(public targetPort: number) {
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  static async start(targetPort: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort);
    await proxy.#listen();
    return proxy;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}/prod`;
  }

  get port(): number {
    return this.#port;
  }

  /** The number of connections through the proxy. */
  get size(): number {
    return this.#pairs.size;
  }

  /** Silently drops everything in both directions, on existing and new connections. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Forwards new connections again. Frozen connections stay frozen. */
  thaw(): void {
    this.#frozen = false;
    this.#pairs.clear();
  }

  /** Delays all data. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Ends all connections with a TCP reset. */
  reset(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
    this.#pairs.clear();
  }

  /** Ends only the direction to the client. */
  halfClose(): void {
    for (const { client } of this.#pairs) client.end();
  }

  /** Refuses new connections. */
  async refuse(): Promise<void> {
    this.#server.close();
    this.reset();
    await once(this.#server, "close");
  }

  /** Accepts connections again, on the same port. */
  async accept(): Promise<void> {
    await this.#listen();
  }

  async close(): Promise<void> {
    for (const { client, server } of this.#all) {
      client.destroy();
      server.destroy();
    }
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  readonly #all = new Set<Pair>();

  async #listen(): Promise<void> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #accept(client: Socket): void {
    const server = connect({ port: this.targetPort, host: "127.0.0.1", allowHalfOpen: true });
    const pair = { client, server };
    this.#pairs.add(pair);
    this.#all.add(pair);
    // A connection that was frozen has lost bytes and can't continue.
    let dead = false;
    const isDead = () => {
      dead ||= this.#frozen;
      return dead;
    };
    const pass = (from: Socket, to: Socket) => {
      // Data keeps its order, even if the delay has become shorter. Null marks the end.
      const waiting: (Buffer | null)[] = [];
      const next = () => {
        const data = waiting.shift();
        if (data === undefined || isDead() || !to.writable) return;
        if (data) to.write(data);
        else to.end();
      };
      const take = (data: Buffer | null) => {
        if (isDead()) return;
        waiting.push(data);
        if (this.#delayMs > 0) setTimeout(next, this.#delayMs);
        else while (waiting.length > 0) next();
      };
      from.on("error", () => {});
      from.on("data", take);
      from.on("end", () => take(null));
      from.on("close", () => {
        if (isDead()) return;
        to.destroy();
        this.#pairs.delete(pair);
      });
    };
    pass(client, server);
    pass(server, client);
  }
}
