/** Detects that this process should end. */

/** How often to check whether npm is still running, in milliseconds. */
const PARENT_CHECK_MS = 500;

/**
 * Aborts when a signal is aborted, which the command line does at SIGINT and SIGTERM; at SIGHUP, when the output's reader is
 * gone, and when the npm that runs this process has been killed.
 */
export function interruption(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort();
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  process.on("SIGHUP", () => {
    if (controller.signal.aborted) process.exit(1);
    abort();
  });
  // The reader of a pipe, or the terminal, is gone.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", abort);
  // Without npm, the process may outlive its parent, as with nohup.
  if (process.env.npm_lifecycle_event !== undefined) {
    const parent = process.ppid;
    setInterval(() => process.ppid !== parent && abort(), PARENT_CHECK_MS).unref();
  }
  return controller.signal;
}
