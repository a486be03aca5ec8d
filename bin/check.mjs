/** `npm run check`: runs the checks side by side, and prints the output of each when it has ended. */

import { execFile } from "node:child_process";

/** Those that take longest are first. */
const CHECKS = ["types", "imports", "pages", "unused", "style"];

console.log(`Checking ${CHECKS.join(", ")}`);
const waiting = CHECKS.map((name) => `check:${name}`);

async function work() {
  for (let script = waiting.shift(); script; script = waiting.shift()) {
    const { passed, output } = await run(script);
    console.log(`\n${passed ? "passed" : "FAILED"}: npm run ${script}\n${output.trim()}`);
    if (!passed) process.exitCode = 1;
  }
}

/** @returns whether a script of package.json has passed, and what it has printed */
function run(script) {
  return new Promise((resolve) => {
    const options = { maxBuffer: Number.POSITIVE_INFINITY, shell: process.platform === "win32" };
    execFile("npm", ["run", "--silent", script], options, (error, stdout, stderr) =>
      resolve({ passed: !error, output: stdout + stderr }),
    );
  });
}

await Promise.all([work(), work()]);
