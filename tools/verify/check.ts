/** A check: inspects something with a tool of a known version. Its result fits on one line. */

export interface Result {
  outcome: "passed" | "failed" | "skipped";
  /** What was found, or why the check was skipped. */
  detail: string;
  /** Output that explains a failure. */
  output?: string;
}

export interface Check {
  /** The name by which `--only` selects the check. */
  id: string;
  what: string;
  /** The tool with its version, or the standard applied. */
  against: string;
  /** Whether the check takes minutes. `--quick` skips it. */
  slow?: boolean;
  run(context: CheckContext): Promise<Result>;
}

export interface CheckContext {
  env: NodeJS.ProcessEnv;
  /** A temporary directory, deleted at the end of the run. */
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
