/** Tells when a person, or whatever started this process, wants it to end. */

/** How often it is looked whether npm is still there, in milliseconds. */
const PARENT_CHECK_MS = 500;

/**
 * Aborts at the first SIGINT, SIGTERM or SIGHUP, when nobody reads the output any more, and when the npm that runs
 * this process has been killed. A second signal ends the process at once.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(1);
      abort();
    });
  }
  // The reader of a pipe, or the terminal, has gone.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", abort);
  // Whoever is started without npm may outlive its parent, as with nohup.
  if (process.env.npm_lifecycle_event !== undefined) {
    const parent = process.ppid;
    setInterval(() => process.ppid !== parent && abort(), PARENT_CHECK_MS).unref();
  }
  return controller.signal;
}
