/** Looks at what the tests have left behind, and ends a run with one plain line that any CI can read. */

const tearDown = require("./e2e/tear-down");
const { leftBehind } = require("./run-folder");

module.exports = class CountReporter {
  #left = [];

  async onRunComplete(
    _contexts,
    { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numPendingTests, wasInterrupted },
  ) {
    await tearDown();
    if (!wasInterrupted) this.#left = leftBehind();
    for (const each of this.#left) console.log(`left behind by a test: ${each}`);
    const failed = numFailedTests + numRuntimeErrorTestSuites + (this.#left.length > 0 ? 1 : 0);
    console.log(`\n${numPassedTests} passed, ${failed} failed, ${numPendingTests} skipped`);
  }

  /** Makes the run fail. */
  getLastError() {
    if (this.#left.length > 0) return new Error(`left behind: ${this.#left.join(", ")}`);
  }
};
