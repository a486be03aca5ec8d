/** Shows the progress of steps: an animated line on a terminal, plain lines elsewhere. */

import pc from "picocolors";
import type { Clock, Timer } from "../aws/clock";
import type { Screen } from "./demo/screen";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 100;
/** The time between plain lines about a step that is still running. */
const REMINDER_MS = 5000;

export class Progress {
  constructor(
    private readonly screen: Screen,
    private readonly clock: Clock,
  ) {}

  /**
   * Runs a step, and shows its name until it has ended.
   *
   * @param what for example `building the functions`
   */
  async step<T>(what: string, work: () => Promise<T>): Promise<T> {
    const startedAt = this.clock.now();
    const elapsed = () => this.clock.now() - startedAt;
    let timer: Timer | undefined;
    const animate = (frame: number) => {
      const seconds = (elapsed() / 1000).toFixed(1);
      this.screen.table([
        `${pc.cyan(FRAMES[frame % FRAMES.length])} ${what} ${pc.dim(`${seconds} s`)}`,
      ]);
      timer = this.clock.after(FRAME_MS, () => animate(frame + 1));
    };
    const remind = () => {
      timer = this.clock.after(REMINDER_MS, () => {
        this.screen.line(`still ${what}, ${Math.round(elapsed() / 1000)} s`);
        remind();
      });
    };
    if (this.screen.animated) {
      animate(0);
    } else {
      this.screen.line(`${what} ...`);
      remind();
    }
    try {
      return await work();
    } finally {
      timer?.cancel();
      this.screen.table([]);
    }
  }
}
