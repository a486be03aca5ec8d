/** The local runtime's process, which may be killed and restarted. */

import type { Reception } from "./channel";
import { type Program, type ReadyRuntime, startRuntime } from "./programs";
import type { RuntimeCommand, RuntimeReport, RuntimeSettings } from "./runtime-messages";

export class RuntimeProcess {
  /** Set once it has been started. */
  ready!: ReadyRuntime;
  #program: Program<RuntimeCommand> | null = null;
  readonly #awaited = new Set<(report: RuntimeReport) => void>();
  #starts = 0;

  /** @param settings its seed grows by one with each start */
  constructor(
    private readonly reception: Reception,
    private readonly settings: Omit<RuntimeSettings, "name" | "receptionPort" | "port">,
    private readonly onReport: (report: RuntimeReport) => void,
  ) {}

  /** Starts it, at the port that it has had before. */
  async start(limits: Pick<RuntimeSettings, "concurrency">): Promise<void> {
    const { ready, ...program } = await startRuntime(
      this.reception,
      {
        ...this.settings,
        port: this.ready?.port ?? 0,
        seed: this.settings.seed + this.#starts++,
        ...limits,
      },
      (report) => {
        this.onReport(report);
        for (const listener of this.#awaited) listener(report);
      },
    );
    this.ready = ready;
    this.#program = program;
  }

  send(command: RuntimeCommand): void {
    this.#program?.channel.send(command);
  }

  /** Waits for a report, up to a time limit. */
  waitFor<What extends RuntimeReport["what"]>(
    what: What,
    withinMs: number,
  ): Promise<Extract<RuntimeReport, { what: What }> | undefined> {
    return new Promise((resolve) => {
      const end = (report?: RuntimeReport) => {
        this.#awaited.delete(listener);
        clearTimeout(timer);
        resolve(report as Extract<RuntimeReport, { what: What }> | undefined);
      };
      const listener = (report: RuntimeReport) => report.what === what && end(report);
      const timer = setTimeout(end, withinMs);
      this.#awaited.add(listener);
    });
  }

  async kill(): Promise<void> {
    const program = this.#program;
    this.#program = null;
    await program?.process.kill();
    program?.channel.close();
  }

  async stop(): Promise<void> {
    await this.#program?.process.stop();
  }
}
