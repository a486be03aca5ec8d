/** Prepares a release in a copy of the files that it changes. */

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { PUBLISHED } from "../../testing/packages";
import { temporaryFolder } from "../../testing/temporary-folder";
import { prepare, pythonVersion } from "../../tools/release/prepare";

const ROOT = join(__dirname, "..", "..");
const FOLDERS = [".", "dashboard", ...PUBLISHED];
const FILES = [
  "CHANGELOG.md",
  "package-lock.json",
  "python/pyproject.toml",
  ...FOLDERS.map((folder) => join(folder, "package.json")),
];
const REPOSITORY = "https://github.com/acme/agent-heartbeat";
const RELEASE = { version: "9.0.0-rc.1", date: "2026-12-01", repository: REPOSITORY };

let root: string;
const text = (file: string) => readFileSync(join(root, file), "utf8");
const manifestOf = (folder: string) => JSON.parse(text(join(folder, "package.json")));

beforeEach(() => {
  root = temporaryFolder();
  for (const file of FILES) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    copyFileSync(join(ROOT, file), join(root, file));
  }
  const changelog = text("CHANGELOG.md").replace(
    "## Unreleased\n",
    "## Unreleased\n\n- One thing.\n",
  );
  writeFileSync(join(root, "CHANGELOG.md"), changelog);
});

describe("a prepared release", () => {
  it("has one version in every package, in what they ask of each other, and in the lock file", () => {
    expect(prepare(root, RELEASE).sort()).toEqual([...FILES].sort());
    const lock = JSON.parse(text("package-lock.json"));
    expect(lock.version).toBe("9.0.0-rc.1");
    for (const folder of FOLDERS) {
      const manifest = manifestOf(folder);
      expect(manifest.version).toBe("9.0.0-rc.1");
      const locked = lock.packages[folder === "." ? "" : folder];
      expect(locked.version).toBe("9.0.0-rc.1");
      for (const asked of [manifest, locked]) {
        const { dependencies, devDependencies, optionalDependencies } = asked;
        const all = { ...dependencies, ...devDependencies, ...optionalDependencies };
        for (const [name, version] of Object.entries(all)) {
          if (name.startsWith("@agent-heartbeat/")) expect(version).toBe("9.0.0-rc.1");
        }
      }
    }
    expect(text("python/pyproject.toml")).toContain('\nversion = "9.0.0rc1"\n');
  });

  it("says where the published packages come from, which provenance is checked against", () => {
    prepare(root, RELEASE);
    for (const folder of PUBLISHED) {
      expect(manifestOf(folder)).toMatchObject({
        repository: { type: "git", url: `git+${REPOSITORY}.git`, directory: folder },
        homepage: `${REPOSITORY}/tree/main/${folder}#readme`,
        bugs: `${REPOSITORY}/issues`,
      });
    }
    expect(manifestOf("dashboard")).not.toHaveProperty("repository");
    const urls =
      /\[project\.urls\]\nRepository = "https:\/\/github\.com\/acme\/agent-heartbeat"\n/g;
    expect(text("python/pyproject.toml").match(urls)).toHaveLength(1);
  });

  it("is what npm asks for before it publishes a package", () => {
    const PREPARED = join(ROOT, "tools", "release", "prepared.mjs");
    const publish = (folder: string) => {
      const { status, stderr } = spawnSync(process.execPath, [PREPARED], {
        cwd: join(root, folder),
        encoding: "utf8",
      });
      return { status, stderr };
    };
    for (const folder of PUBLISHED) {
      expect(manifestOf(folder).scripts.prepublishOnly).toBe("node ../tools/release/prepared.mjs");
      const { status, stderr } = publish(folder);
      expect(status).toBe(1);
      expect(stderr).toMatch(
        /^\S+ can't be published: its package\.json has no repository, homepage, bugs\. .*npm run release/,
      );
    }
    prepare(root, RELEASE);
    for (const folder of PUBLISHED) expect(publish(folder)).toEqual({ status: 0, stderr: "" });
  });

  it("dates the changes, and leaves room for the next ones", () => {
    prepare(root, RELEASE);
    expect(text("CHANGELOG.md")).toContain(
      "\n## Unreleased\n\n## 9.0.0-rc.1 - 2026-12-01\n\n- One thing.\n",
    );
  });

  it("can be followed by the next one", () => {
    prepare(root, RELEASE);
    expect(() => prepare(root, { ...RELEASE, version: "9.0.0" })).toThrow(
      "expected changes under Unreleased, got none",
    );
    const changelog = text("CHANGELOG.md").replace(
      "## Unreleased\n",
      "## Unreleased\n\n- Another.\n",
    );
    writeFileSync(join(root, "CHANGELOG.md"), changelog);
    prepare(root, { ...RELEASE, version: "9.0.0" });
    expect(manifestOf("cli").optionalDependencies).toEqual({ "@agent-heartbeat/local": "9.0.0" });
    expect(text("python/pyproject.toml").match(/\[project\.urls\]/g)).toHaveLength(1);
  });

  it.each([
    [{ version: "1.0" }, 'expected a version such as 1.0.0 or 1.0.0-rc.1, got "1.0"'],
    [{ version: manifest("version") }, "expected another version than"],
    [{ repository: "git@github.com:acme/x" }, "--repository: expected https://github.com/"],
  ])("is refused for %j, with nothing written", (wrong, message) => {
    const before = FILES.map(text);
    expect(() => prepare(root, { ...RELEASE, ...wrong })).toThrow(message);
    expect(FILES.map(text)).toEqual(before);
  });
});

function manifest(field: string): string {
  return JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"))[field];
}

describe("a version in Python", () => {
  it.each([
    ["1.2.3", "1.2.3"],
    ["1.0.0-alpha.2", "1.0.0a2"],
    ["1.0.0-beta.1", "1.0.0b1"],
    ["9.0.0-rc.10", "9.0.0rc10"],
  ])("%s is %s", (version, python) => {
    expect(pythonVersion(version)).toBe(python);
  });
});
