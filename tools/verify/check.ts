/** What a check is: something that is looked at with a tool of a known version, and a result that can be told in a line. */

export interface Result {
  outcome: "passed" | "failed" | "skipped";
  /** What was found, or why nothing was looked at. */
  detail: string;
  /** What a person needs to see of a failure. */
  output?: string;
}

export interface Check {
  /** By which it is chosen: `--only`. */
  id: string;
  what: string;
  /** The tool and its version, or the standard that is held. */
  against: string;
  /** Whether it takes minutes: left out by `--quick`. */
  slow?: boolean;
  run(context: CheckContext): Promise<Result>;
}

export interface CheckContext {
  env: NodeJS.ProcessEnv;
  /** For files of the run, deleted at its end. */
  directory: string;
  quick: boolean;
  signal: AbortSignal;
}

export const passed = (detail: string): Result => ({ outcome: "passed", detail });
export const skipped = (detail: string): Result => ({ outcome: "skipped", detail });
export const failed = (detail: string, output = ""): Result => ({
  outcome: "failed",
  detail,
  output,
});
