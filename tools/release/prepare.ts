/** Writes a release into the repository: versions, where it is published from, and the changelog's heading. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Release {
  /** As in `1.0.0-rc.1`. */
  version: string;
  /** As in `2026-11-27`. */
  date: string;
  /** As in `https://github.com/acme/agent-heartbeat`. */
  repository: string;
}

const MANIFESTS = [".", "sdk", "local", "cli", "lib", "dashboard"];

/** Semantic Versioning, as far as it is used here. */
const VERSION = /^(\d+\.\d+\.\d+)(?:-(alpha|beta|rc)\.(\d+))?$/;

/** What Python calls these parts. */
const PYTHON: Readonly<Record<string, string>> = { alpha: "a", beta: "b", rc: "rc" };

/** Names of our own packages in a manifest, with their versions. */
const OWN = /("(?:@agent-heartbeat\/[\w-]+|agent-heartbeat)": )"[^"]+"/g;

/**
 * Prepares a release in the repository at `root`.
 *
 * @returns the files that were written
 * @throws Error if the version is invalid or the old one, or nothing has changed since the last release
 */
export function prepare(root: string, { version, date, repository }: Release): string[] {
  const python = pythonVersion(version);
  if (!/^https:\/\/[\w.-]+\/[\w.-]+\/[\w.-]+$/.test(repository)) {
    throw new Error(
      `--repository: expected https://github.com/<owner>/<name>, got ${JSON.stringify(repository)}`,
    );
  }
  const before: string = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
  if (before === version) throw new Error(`expected another version than ${before}, got the same`);
  const written: string[] = [];
  const change = (file: string, changed: (text: string) => string) => {
    const path = join(root, file);
    writeFileSync(path, changed(readFileSync(path, "utf8")));
    written.push(file);
  };

  change("CHANGELOG.md", (text) => withHeading(text, version, date));
  for (const folder of MANIFESTS) {
    change(join(folder, "package.json"), (text) => {
      const manifest = JSON.parse(text.replace(OWN, `$1"${version}"`));
      manifest.version = version;
      if (manifest.publishConfig === undefined) return json(manifest);
      const { name, version: _, description, ...rest } = manifest;
      return json({ name, version, description, ...addresses(repository, folder), ...rest });
    });
  }
  change("package-lock.json", (text) => {
    const lock = JSON.parse(text);
    lock.version = version;
    for (const folder of MANIFESTS) {
      const key = folder === "." ? "" : folder;
      lock.packages[key] = JSON.parse(
        JSON.stringify({ ...lock.packages[key], version }).replace(
          /("@agent-heartbeat\/[\w-]+":)"[^"]+"/g,
          `$1"${version}"`,
        ),
      );
    }
    return json(lock);
  });
  change(join("python", "pyproject.toml"), (text) => withPython(text, python, repository));
  return written;
}

/** The version as PEP 440 has it: `1.0.0rc1`. @throws Error if it is no version that is used here */
export function pythonVersion(version: string): string {
  const [, release, stage, number] = VERSION.exec(version) ?? [];
  if (release === undefined) {
    throw new Error(
      `expected a version such as 1.0.0 or 1.0.0-rc.1, got ${JSON.stringify(version)}`,
    );
  }
  return stage === undefined ? release : `${release}${PYTHON[stage]}${number}`;
}

/** Where people find a package's sources, documentation and issues. */
const addresses = (repository: string, folder: string) => ({
  repository: { type: "git", url: `git+${repository}.git`, directory: folder },
  homepage: `${repository}/tree/main/${folder}#readme`,
  bugs: `${repository}/issues`,
});

function withHeading(changelog: string, version: string, date: string): string {
  const [, notes = ""] = /^## Unreleased\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(changelog) ?? [];
  if (notes.trim() === "")
    throw new Error("CHANGELOG.md: expected changes under Unreleased, got none");
  return changelog.replace(/^## Unreleased\n/m, `## Unreleased\n\n## ${version} - ${date}\n`);
}

function withPython(text: string, version: string, repository: string): string {
  const without = text.replace(/^\[project\.urls\]\n(?:.+\n)*\n/m, "");
  const urls = [
    "[project.urls]",
    `Repository = "${repository}"`,
    `Documentation = "${repository}/tree/main/docs"`,
    `Changelog = "${repository}/blob/main/CHANGELOG.md"`,
    `Issues = "${repository}/issues"`,
  ];
  return without
    .replace(/^version = ".*"$/m, `version = "${version}"`)
    .replace(/^\[project\.optional-dependencies\]$/m, `${urls.join("\n")}\n\n$&`);
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
