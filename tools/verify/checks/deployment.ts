/** The real CDK deployment to an emulator, and the end-to-end suite against it. */

import { type Check, failed, passed, skipped } from "../check";
import { finished } from "../process";
import { versionOf } from "../python";
import { installed, ROOT } from "../root";

export const deploymentChecks = (): Check[] => [
  {
    id: "ministack",
    what: "bootstrap, deploy, command line, end-to-end suite, destroy",
    against: `ministack ${versionOf("ministack")}, ${installed("aws-cdk")}`,
    slow: true,
    async run({ env, signal }) {
      const options = { cwd: ROOT, env, signal };
      const run = await finished("npm", ["run", "--silent", "test:ministack"], options);
      const count = /\d+ passed, \d+ failed, \d+ skipped(?=\n\[|$)/.exec(run.output)?.[0];
      const reasons = run.output.split("\n").flatMap((line) => line.split(/\] skipped: /)[1] ?? []);
      const detail = [count ?? "the tests did not run", ...reasons].join("; ");
      if (run.code === 0) return passed(detail);
      if (/can't be installed/.test(run.output)) return skipped(run.output.trim());
      return failed(detail, run.output);
    },
  },
  {
    id: "aws",
    what: "deployment and end-to-end suite on AWS",
    against: "an AWS account",
    slow: true,
    run: async () => skipped("costs money: run npm run test:aws with your credentials"),
  },
];
