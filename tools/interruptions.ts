/** Lets a program clean up when it is interrupted. */

/** @returns a signal that is aborted by SIGINT, SIGTERM and SIGHUP, of which several may come: npm forwards those of a terminal */
export function interruptions(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => controller.abort());
  }
  return controller.signal;
}
