/** Ends a run with one plain line that any CI can read. */

module.exports = class CountReporter {
  onRunComplete(
    _contexts,
    { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numPendingTests },
  ) {
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    console.log(`\n${numPassedTests} passed, ${failed} failed, ${numPendingTests} skipped`);
  }
};
