/** Supply chain: known vulnerabilities, licences, the SBOM and the workflow files. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import satisfies from "spdx-satisfies";
import { type Check, failed, passed, skipped } from "../check";
import { finished } from "../process";
import { ROOT } from "../root";

/** Permissive licences: any use is allowed as long as the authors are named. */
const LICENCES = [
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "ISC",
  "MIT",
  "MIT-0",
];

interface Component {
  "bom-ref": string;
  licenses?: { license?: { id?: string; name?: string }; expression?: string }[];
}

interface Sbom {
  bomFormat: string;
  specVersion: string;
  components: Component[];
}

/** @throws Error if npm can't list the installed packages */
async function readSbom(signal?: AbortSignal): Promise<Sbom> {
  const args = ["sbom", "--sbom-format", "cyclonedx", "--omit", "dev"];
  const { code, output } = await finished("npm", args, { cwd: ROOT, signal });
  if (code !== 0) throw new Error(`npm sbom failed: ${output.trim()}`);
  return JSON.parse(output.slice(output.indexOf("{")));
}

export const supplyChainChecks = (): Check[] => [
  {
    id: "audit",
    what: "known vulnerabilities in packages",
    against: "npm audit, high and above",
    async run({ env, signal }) {
      const args = ["audit", "--audit-level=high", "--json"];
      const { code, output } = await finished("npm", args, { cwd: ROOT, env, signal });
      const begin = output.indexOf("{");
      const report = begin < 0 ? {} : JSON.parse(output.slice(begin, output.lastIndexOf("}") + 1));
      const counts = report.metadata?.vulnerabilities;
      if (!counts) {
        const [why] = /(\d{3} [^\n"]*|[^\n"]*endpoint[^\n"]*)/.exec(output) ?? ["no reason given"];
        return skipped(`the registry did not answer npm audit: ${why}`);
      }
      const line = `${counts.critical} critical, ${counts.high} high, ${counts.total} in total`;
      return code === 0 ? passed(line) : failed(line, output);
    },
  },
  {
    id: "licences",
    what: "licences of shipped and deployed packages",
    against: "npm sbom, a list of permissive licences",
    async run({ signal }) {
      const { components } = await readSbom(signal);
      const others = components.filter((component) => !permissive(component));
      const line = `${components.length} packages, ${others.length} with other licences`;
      if (components.length === 0) return failed("no package was found");
      if (others.length === 0) return passed(line);
      return failed(line, others.map((other) => `${other["bom-ref"]} ${terms(other)}`).join("\n"));
    },
  },
  {
    id: "sbom",
    what: "software bill of materials (SBOM)",
    against: "CycloneDX",
    async run({ directory, signal }) {
      const sbom = await readSbom(signal);
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, "sbom.json"), JSON.stringify(sbom));
      if (sbom.bomFormat !== "CycloneDX") return failed(`unexpected format ${sbom.bomFormat}`);
      return passed(`CycloneDX ${sbom.specVersion}, ${sbom.components.length} packages`);
    },
  },
  {
    id: "actionlint",
    what: "workflow files",
    against: "actionlint, on the PATH",
    async run({ env, signal }) {
      const { code, output } = await finished("actionlint", ["-no-color"], {
        cwd: ROOT,
        env,
        signal,
      });
      if (code === 127) return skipped("actionlint is not installed");
      const version = await finished("actionlint", ["-version"], { signal });
      const line = `actionlint ${version.output.split("\n")[0]}`;
      return code === 0 ? passed(line) : failed(line, output);
    },
  },
];

function permissive(component: Component): boolean {
  try {
    return satisfies(terms(component), LICENCES);
  } catch {
    // Not a valid SPDX expression.
    return false;
  }
}

function terms({ licenses = [] }: Component): string {
  const found = licenses.map(
    ({ license, expression }) => expression ?? license?.id ?? license?.name ?? "",
  );
  return found.map((term) => `(${term})`).join(" AND ") || "no licence";
}
