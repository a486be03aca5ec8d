/** Stops the local runtimes that set-up.js started. */

const { once } = require("node:events");
const { rmSync } = require("node:fs");

module.exports = async function tearDown() {
  const { runtime, directory } = globalThis.endToEnd ?? {};
  if (!runtime) return;
  globalThis.endToEnd = undefined;
  if (runtime.exitCode === null && runtime.signalCode === null) {
    const ended = once(runtime, "exit");
    runtime.stdin.end();
    await ended;
  }
  rmSync(directory, { recursive: true, force: true });
};
