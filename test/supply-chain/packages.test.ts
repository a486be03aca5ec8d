/** Checks that the published packages have what a registry shows, and the versions of one release. */

import { existsSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { PUBLISHED } from "../../testing/packages";
import { pythonVersion } from "../../tools/release/prepare";

const ROOT = join(__dirname, "..", "..");
const read = (...path: string[]) => readFileSync(join(ROOT, ...path), "utf8");
const manifestOf = (folder: string) => JSON.parse(read(folder, "package.json"));
const root = manifestOf(".");

describe.each(PUBLISHED)("the package in %s", (folder) => {
  const manifest = manifestOf(folder);

  it("has a name, description, keywords and the version of the release, and can be published", () => {
    expect(manifest.description.length).toBeGreaterThan(20);
    expect(manifest.keywords.length).toBeGreaterThan(3);
    expect(manifest).toMatchObject({
      version: root.version,
      license: "MIT",
      publishConfig: { access: "public", provenance: true },
      scripts: { prepack: "node build.mjs" },
    });
    expect(manifest).not.toHaveProperty("private");
  });

  it("has the licence, and a README without links that end outside of the package", () => {
    expect(read(folder, "LICENSE")).toBe(read("LICENSE"));
    const readme = read(folder, "README.md");
    expect(readme).toMatch(new RegExp(`^# ${manifest.name}\n`));
    const links = [...readme.matchAll(/\]\((?!https:|#)([^)#]+)/g)].map(([, link = ""]) => link);
    const dead = links.filter(
      (link) => normalize(link).startsWith("..") || !existsSync(join(ROOT, folder, link)),
    );
    expect(dead).toEqual([]);
  });

  it("asks for packages of the same release", () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const own = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
    for (const [name, version] of own) {
      if (name.startsWith("@agent-heartbeat/"))
        expect([name, version]).toEqual([name, root.version]);
    }
  });
});

describe("the package in python", () => {
  it("has the licence, and a README without links that end outside of the package", () => {
    expect(read("python", "LICENSE")).toBe(read("LICENSE"));
    expect(read("python", "README.md")).not.toMatch(/\]\((?!https:|#)/);
  });

  it("has the version of the release", () => {
    const version = pythonVersion(root.version);
    expect(read("python", "pyproject.toml")).toContain(`\nversion = "${version}"\n`);
  });
});

describe("the SBOM", () => {
  it.each(["cli", "local"])("has every package that is bundled into %s", (folder) => {
    const bundled = Object.entries<string>(manifestOf(folder).devDependencies);
    const shipped = bundled.filter(([name]) => !name.startsWith("@agent-heartbeat/"));
    expect(root.dependencies).toMatchObject(Object.fromEntries(shipped));
  });
});
