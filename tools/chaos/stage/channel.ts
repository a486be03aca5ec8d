/** Lines of JSON between the run and the processes that it started, written at once so that a SIGKILL loses none. */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** One end of a channel. */
export class Channel<Sent, Received> {
  constructor(
    private readonly socket: Socket,
    listener: (message: Received) => void,
    ended: () => void = () => {},
  ) {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", ended);
    const lines = createInterface({ input: socket });
    lines.on("line", (line) => listener(JSON.parse(line) as Received));
    lines.on("error", () => {});
  }

  send(message: Sent): void {
    if (!this.socket.destroyed) this.socket.write(`${JSON.stringify(message)}\n`);
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Joins the run that started this process; this process ends when the run does. */
export async function joinRun<Sent, Received>(
  port: number,
  name: string,
  listener: (message: Received) => void,
): Promise<Channel<Sent, Received>> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(`${name}\n`);
  return new Channel(socket, listener, () => process.exit(0));
}

/** Where started processes join the run. */
export class Reception {
  readonly #waiting = new Map<string, (socket: Socket) => void>();

  private constructor(private readonly server: Server) {
    server.on("connection", (socket) => {
      socket.on("error", () => {});
      // A process says its name in its first line, and nothing more before it is spoken to.
      socket.once("data", (data) => {
        const name = String(data).trim();
        const wanted = this.#waiting.get(name);
        this.#waiting.delete(name);
        if (wanted) wanted(socket);
        else socket.destroy();
      });
    });
  }

  static async open(): Promise<Reception> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Reception(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The channel to a process that is about to join under a name. */
  expect<Sent, Received>(
    name: string,
    listener: (message: Received) => void,
  ): Promise<Channel<Sent, Received>> {
    return new Promise((resolve) => {
      this.#waiting.set(name, (socket) => resolve(new Channel(socket, listener)));
    });
  }

  close(): void {
    this.server.close();
  }
}
