/** `npm run release -- 1.0.0-rc.1`: prepares a release in the working tree, and prints the remaining steps. */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { prepare } from "./prepare";

const ROOT = join(__dirname, "..", "..");

const USAGE = `Usage: npm run release -- <version> [--repository https://github.com/<owner>/<name>]

Writes the version into every package, dates the changelog, and prints what is left to do.
Without --repository, the address is that of git's remote "origin".`;

const git = (...args: string[]): string =>
  execFileSync("git", args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { repository: { type: "string" }, help: { type: "boolean", default: false } },
  });
  const [version] = positionals;
  if (values.help) {
    console.log(USAGE);
    return;
  }
  if (version === undefined) throw new Error(`expected a version, got none\n\n${USAGE}`);
  const changed = git("status", "--porcelain", "--untracked-files=no").trim();
  if (changed !== "") throw new Error(`expected a clean working tree, got changes:\n${changed}`);
  const repository = values.repository ?? originOf();
  const date = new Date().toISOString().slice(0, 10);
  const written = prepare(ROOT, { version, date, repository });
  const tag = `v${version}`;
  console.log(`${version} is written into ${written.join(", ")}.

1. Read the changes:       git diff
2. Check them:             .ci/run
3. Commit and tag them:    git commit -am "Release ${version}" && git tag -a ${tag} -m "${version}"
4. Push both:              git push origin main ${tag}
5. On GitHub, under Actions, Release: approve the environment npm. The workflow runs all checks again, publishes the npm packages
   ${version.includes("-") ? "with the tag next, which nobody gets unasked" : "with the tag latest"}, the Python package, and the release with its SBOM.
6. See what came of it:    npm view agent-heartbeat dist-tags && npm audit signatures

To start over before step 3: git checkout ${written.join(" ")}`);
}

/** The address of the remote `origin`, as a browser opens it. @throws Error if there is none */
function originOf(): string {
  try {
    const url = git("remote", "get-url", "origin").trim();
    return url.replace(/^(?:ssh:\/\/)?git@([^:/]+)[:/]/, "https://$1/").replace(/\.git$/, "");
  } catch (cause) {
    throw new Error(
      'git has no remote "origin": add --repository https://github.com/<owner>/<name>',
      {
        cause,
      },
    );
  }
}

try {
  main();
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
