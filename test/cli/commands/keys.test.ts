import { createPrivateKey } from "node:crypto";
import { readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { publicKeyFrom } from "@agent-heartbeat/sdk/registry";
import { describe, expect, it } from "@jest/globals";
import { emptyFolder, run } from "../../../testing/cli/run";

describe("keys generate", () => {
  it.each([
    ["ed25519", "EdDSA"],
    ["p256", "ES256"],
    ["rsa", "RS256"],
  ])("generates a key pair of type %s that the service accepts", async (kind, algorithm) => {
    const cwd = await emptyFolder();
    const args = ["keys", "generate", "--algorithm", kind, "--out", "a1.pem", "--json"];
    const { code, stdout } = await run(args, { cwd });
    expect(code).toBe(0);
    const pem = await readFile(join(cwd, "a1.pem"), "utf8");
    const { keyId } = await publicKeyFrom(await readFile(join(cwd, "a1.pem.pub"), "utf8"));
    expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    expect((await publicKeyFrom(pem)).keyId).toBe(keyId);
    expect(() => createPrivateKey(pem)).not.toThrow();
    expect(JSON.parse(stdout)).toEqual({
      keyId,
      algorithm,
      privateKeyFile: "a1.pem",
      publicKeyFile: "a1.pem.pub",
    });
  });

  it("makes the private key readable by its owner only", async () => {
    const cwd = await emptyFolder();
    await run(["keys", "generate", "--out", "a1.pem"], { cwd });
    expect((await stat(join(cwd, "a1.pem"))).mode & 0o777).toBe(0o600);
  });

  it("never prints the private key", async () => {
    const cwd = await emptyFolder();
    const { stdout, stderr } = await run(["keys", "generate", "--out", "a1.pem"], { cwd });
    const secret = (await readFile(join(cwd, "a1.pem"), "utf8")).split("\n")[1] ?? "";
    expect(stdout + stderr).not.toContain(secret);
  });

  it("never overwrites a private key", async () => {
    const cwd = await emptyFolder();
    await writeFile(join(cwd, "a1.pem"), "mine");
    const { code, stderr } = await run(["keys", "generate", "--out", "a1.pem"], { cwd });
    expect(code).toBe(1);
    expect(stderr).toContain("a1.pem exists, and key files are never overwritten.");
    expect(await readFile(join(cwd, "a1.pem"), "utf8")).toBe("mine");
    expect(await readdir(cwd)).toEqual(["a1.pem"]);
  });

  it("never overwrites a public key, and leaves no private one behind", async () => {
    const cwd = await emptyFolder();
    await writeFile(join(cwd, "a1.pem.pub"), "mine");
    const { code } = await run(["keys", "generate", "--out", "a1.pem"], { cwd });
    expect(code).toBe(1);
    expect(await readFile(join(cwd, "a1.pem.pub"), "utf8")).toBe("mine");
    expect(await readdir(cwd)).toEqual(["a1.pem.pub"]);
  });

  it("does not write through a link", async () => {
    const cwd = await emptyFolder();
    await symlink(join(cwd, "elsewhere"), join(cwd, "a1.pem"));
    expect((await run(["keys", "generate", "--out", "a1.pem"], { cwd })).code).toBe(1);
    expect(await readdir(cwd)).toEqual(["a1.pem"]);
  });

  it("reports which folder is missing", async () => {
    const cwd = await emptyFolder();
    const { code, stderr } = await run(["keys", "generate", "--out", "none/a1.pem"], { cwd });
    expect(code).toBe(1);
    expect(stderr).toContain("none/a1.pem can't be written (ENOENT).");
  });

  it("refuses an unknown type", async () => {
    const args = ["keys", "generate", "--algorithm", "dsa", "--out", "a1.pem"];
    const { code, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stderr).toContain("ed25519, p256, rsa");
  });
});
