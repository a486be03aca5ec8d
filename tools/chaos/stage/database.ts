/** The database of a run: the embedded engine with a file, behind the fault proxy. It can be killed, restarted and run out of disk. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Engine, startDynoxide } from "../../../local/aws/engine/dynoxide";
import { DatabaseProxy } from "./database-proxy";

/** Ignores the signal of a full disk (25, SIGXFSZ), so that the engine gets an error instead of being killed. */
const TOLD_OF_FULL_DISK = ["/bin/sh", "-c", `trap '' 25; exec "$@"`, "sh"];

/** The maximum file size while the disk is "full": less than that of any of the engine's files. */
const FULL_BYTES = 4096;

export class Database {
  #stopping = false;

  private constructor(
    private readonly directory: string,
    private engine: Engine,
    readonly proxy: DatabaseProxy,
    private readonly broken: (reason: string) => void,
  ) {
    this.#watch();
  }

  /** @param broken called if the engine ends by itself */
  static async start(
    directory: string,
    random: () => number,
    broken: (reason: string) => void,
  ): Promise<Database> {
    const engine = await startDynoxide(directory, TOLD_OF_FULL_DISK);
    const proxy = await DatabaseProxy.start(engine.endpoint, random);
    return new Database(directory, engine, proxy, broken);
  }

  /** The engine's endpoint, without the proxy. */
  get endpoint(): string {
    return this.engine.endpoint;
  }

  /** Ends the engine by SIGKILL. */
  async kill(): Promise<void> {
    this.#stopping = true;
    this.proxy.target = null;
    const { pid } = this.engine;
    if (pid !== undefined) process.kill(pid, "SIGKILL");
    await this.engine.stop();
  }

  /** Restarts it with its file. */
  async revive(): Promise<void> {
    this.engine = await startDynoxide(this.directory, TOLD_OF_FULL_DISK);
    this.proxy.target = this.engine.endpoint;
    this.#stopping = false;
    this.#watch();
  }

  /** Lets no file grow. @returns whether the kernel enforces it; otherwise the proxy does */
  async fillDisk(): Promise<boolean> {
    const limited = await this.#limitFiles(`${FULL_BYTES}`);
    if (!limited) this.proxy.faults.writesFail = true;
    return limited;
  }

  async emptyDisk(): Promise<void> {
    await this.#limitFiles("unlimited");
    this.proxy.faults.writesFail = false;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.proxy.close();
    await this.engine.stop();
  }

  async #limitFiles(bytes: string): Promise<boolean> {
    try {
      await promisify(execFile)("prlimit", [
        `--pid=${this.engine.pid}`,
        `--fsize=${bytes}:unlimited`,
      ]);
      return true;
    } catch {
      return false;
    }
  }

  #watch(): void {
    this.engine.onEnd((reason) => {
      if (!this.#stopping) this.broken(`the database engine: ${reason}`);
    });
  }
}
