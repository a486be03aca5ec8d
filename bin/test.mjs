/**
 * `npm test`: runs the checks and the tests side by side, because each leaves processors idle at times. Arguments are
 * handed on to Jest. What the checks print comes last. The tests in a browser are a command of their own.
 */

import { execFile, spawn } from "node:child_process";

const checks = new Promise((resolve) => {
  const options = { maxBuffer: Number.POSITIVE_INFINITY };
  execFile(process.execPath, ["bin/check.mjs"], options, (error, stdout, stderr) =>
    resolve({ passed: !error, output: stdout + stderr }),
  );
});
const projects = ["--selectProjects", "unit", "e2e"];
const jest = spawn(
  process.execPath,
  ["node_modules/jest/bin/jest.js", ...process.argv.slice(2), ...projects],
  { stdio: "inherit" },
);
const tested = await new Promise((resolve) => jest.on("exit", (code) => resolve(code === 0)));
const { passed, output } = await checks;
console.log(`\n${output.trim()}`);
if (!passed) console.log("\nThe checks FAILED.");
if (!passed || !tested) process.exitCode = 1;
