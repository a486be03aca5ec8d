/** Lines of JSON between the run and its processes, written synchronously so that a SIGKILL loses none. */

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

/** Connects to the run that started this process. The process ends with the run. */
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

/** The run's end, to which its processes connect. */
export class Reception {
  readonly #waiting = new Map<string, (socket: Socket) => void>();

  private constructor(private readonly server: Server) {
    server.on("connection", (socket) => {
      socket.on("error", () => {});
      // A process sends its name in its first line, and then waits for a message.
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

  /** The channel to a process that will connect with a name. */
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
