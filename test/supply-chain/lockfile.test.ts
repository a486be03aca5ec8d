/**
 * Checks the lock file: every package has a hash, comes from the npm registry and is required by
 * package.json.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";

interface Package {
  /** The package's name, if it differs from the path. */
  name?: string;
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  inBundle?: boolean;
  optional?: boolean;
}

/**
 * Packages without a hash, which were not available where the lock file was written. Each is
 * optional and serves another platform. The first install there adds the hash.
 */
const WITHOUT_HASH = ["darwin-arm64", "darwin-x64", "linux-arm64", "win32-x64"].map(
  (platform) => `node_modules/@dynoxide/${platform}`,
);

const REGISTRY = "https://registry.npmjs.org/";

const { packages, lockfileVersion } = JSON.parse(
  readFileSync(join(__dirname, "..", "..", "package-lock.json"), "utf8"),
) as { lockfileVersion: number; packages: Record<string, Package> };

/** Downloaded packages: no workspaces, no links, no bundled packages. */
const fetched = Object.entries(packages).filter(
  ([path, { link, inBundle }]) => path.includes("node_modules/") && !link && !inBundle,
);

describe("the lock file", () => {
  it("has the version that npm writes", () => {
    expect(lockfileVersion).toBe(3);
    expect(fetched.length).toBeGreaterThan(100);
  });

  it("has a SHA-512 hash of every package, except the engines of other platforms", () => {
    const without = fetched.filter(([, { integrity }]) => !integrity?.startsWith("sha512-"));
    expect(without.map(([path]) => path).filter((path) => !WITHOUT_HASH.includes(path))).toEqual(
      [],
    );
    expect(without.filter(([, { optional }]) => !optional)).toEqual([]);
  });

  it("contains no URL outside the npm registry", () => {
    const foreign = fetched.filter(
      ([, { resolved }]) => resolved !== undefined && !resolved.startsWith(REGISTRY),
    );
    expect(foreign).toEqual([]);
  });

  it("matches exact versions in package.json", () => {
    const own = ["", "lib", "sdk", "local", "cli", "dashboard"].map((folder) =>
      JSON.parse(readFileSync(join(__dirname, "..", "..", folder, "package.json"), "utf8")),
    );
    const asked = own.flatMap(({ dependencies, devDependencies, optionalDependencies }) =>
      Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }),
    );
    expect(asked.filter(([, range]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(range)))).toEqual(
      [],
    );
  });

  it("has TypeScript 6.0 only, because version 7 has no JavaScript API, which the docs and import rules need", () => {
    const versions = fetched
      .filter(([path, { name }]) => /^node_modules\/typescript/.test(path) || name === "typescript")
      .map(([path, { version }]) => `${path} ${version}`);
    expect(versions).toEqual([expect.stringMatching(/^node_modules\/typescript 6\.0\.\d+$/)]);
  });
});
