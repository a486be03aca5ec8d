import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { localFolder, run } from "../../../testing/cli/run";
import { type Engine, startEngine } from "../../../testing/engine";

const P256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });
const P384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const SHORT_RSA = generateKeyPairSync("rsa", { modulusLength: 1024 });
const X25519 = generateKeyPairSync("x25519");
const cipher = { cipher: "aes-256-cbc", passphrase: "secret" } as const;

const text = (key: KeyObject, options: object): string =>
  key.export({ format: "pem", ...options } as never).toString();
const jwk = (key: KeyObject) => JSON.stringify(key.export({ format: "jwk" }));
const block = (label: string) =>
  `-----BEGIN ${label}-----\nMIIBtDCCAVqgAwIBAgIUQ2VydGlmaWNhdGU=\n-----END ${label}-----\n`;
const PKCS8 = text(P256.privateKey, { type: "pkcs8" });
const SPKI = text(P256.publicKey, { type: "spki" });
const SSH =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a@b\n";

/** Files, what they are as a public key, and what they are as a private key; null where they are right. */
const FILES: Record<
  string,
  [content: string | Buffer, asPublic: string | null, asPrivate: string | null]
> = {
  "public.pem": [SPKI, null, "got a public key"],
  "public-crlf.pem": [SPKI.replaceAll("\n", "\r\n"), null, "got a public key"],
  "public-bom.pem": [`\ufeff${SPKI}`, null, "got a public key"],
  "public-utf16.pem": [Buffer.from(`\ufeff${SPKI}`, "utf16le"), null, "got a public key"],
  "public-pkcs1.pem": [text(RSA.publicKey, { type: "pkcs1" }), null, "got a public key"],
  "public.jwk": [jwk(RSA.publicKey), null, "got a public key"],
  "public-bom.jwk": [`\ufeff${jwk(RSA.publicKey)}`, null, "got a public key"],
  "private.pem": [PKCS8, "got a private key", null],
  "private-bom.pem": [`\ufeff${PKCS8.replaceAll("\n", "\r\n")}`, "got a private key", null],
  "sec1.pem": [text(P256.privateKey, { type: "sec1" }), "got a private key", null],
  "pkcs1.pem": [text(RSA.privateKey, { type: "pkcs1" }), "got a private key", null],
  "ecparam.pem": [
    `${block("EC PARAMETERS")}${text(P256.privateKey, { type: "sec1" })}`,
    "got a private key",
    null,
  ],
  "pair.pem": [SPKI + PKCS8, "got a private key", null],
  "private.jwk": [jwk(P256.privateKey), "got a private key as a JWK", "got a private key as a JWK"],
  "secret.jwk": ['{"kty":"oct","k":"c2VjcmV0"}', "got a private key as a JWK", "got a private"],
  "encrypted.pem": [
    text(P256.privateKey, { type: "pkcs8", ...cipher }),
    "got an encrypted private key",
    "got an encrypted private key",
  ],
  "encrypted-sec1.pem": [
    text(P256.privateKey, { type: "sec1", ...cipher }),
    "got an encrypted private key",
    "got an encrypted private key",
  ],
  "openssh.pem": [block("OPENSSH PRIVATE KEY"), "private key in OpenSSH's form", "OpenSSH's form"],
  "openssh.pub": [SSH, "a public key in OpenSSH's form", "a public key in OpenSSH's form"],
  "putty.ppk": [
    "PuTTY-User-Key-File-3: ssh-ed25519\n",
    "private key in PuTTY's",
    "in PuTTY's form",
  ],
  "pgp.asc": [block("PGP PRIVATE KEY BLOCK"), "got a PGP private key", "got a PGP private key"],
  "certificate.pem": [block("CERTIFICATE"), "got a certificate", "got a certificate"],
  "request.pem": [block("CERTIFICATE REQUEST"), "a certificate signing request", "signing request"],
  "set.jwk": [`{"keys":[${jwk(P256.publicKey)}]}`, "a set of JWKs", "a set of JWKs"],
  "broken.jwk": ['{"kty": "EC",\n x', "broken JSON (line 2, column 2", "broken JSON (line 2"],
  "empty.pem": ["", "got an empty text", "got an empty text"],
  "blank.pem": ["\ufeff \r\n", "got an empty text", "got an empty text"],
  "words.txt": ["hello", "got another text", "got another text"],
  "key.der": [
    P256.publicKey.export({ type: "spki", format: "der" }),
    "is not a text file",
    "is not a text file",
  ],
  "p384.pem": [text(P384.publicKey, { type: "spki" }), "got ec secp384r1", "got a public key"],
  "p384-private.pem": [
    text(P384.privateKey, { type: "pkcs8" }),
    "got a private",
    "got ec secp384r1",
  ],
  "x25519.pem": [text(X25519.publicKey, { type: "spki" }), "got x25519", "got a public key"],
  "rsa-1024.pem": [
    text(SHORT_RSA.publicKey, { type: "spki" }),
    "got an RSA key of 1024 bits",
    "got a public key",
  ],
  "rsa-1024-private.pem": [
    text(SHORT_RSA.privateKey, { type: "pkcs8" }),
    "got a private key",
    "got an RSA key of 1024 bits",
  ],
  "damaged.pem": [block("PUBLIC KEY"), "-----BEGIN PUBLIC KEY-----", "got a public key"],
  "damaged-private.pem": [block("PRIVATE KEY"), "got a private key", "-----BEGIN PRIVATE KEY-----"],
};

/** What no output may hold. */
const SECRETS = [
  ...PKCS8.split("\n").slice(1, -2),
  ...text(P256.privateKey, { type: "sec1" }).split("\n").slice(1, -2),
  ...[P256, RSA].map(({ privateKey }) => `${privateKey.export({ format: "jwk" }).d}`),
];

let engine: Engine;
let cwd: string;
beforeAll(async () => {
  engine = await startEngine();
  cwd = await localFolder(engine);
  for (const [file, [content]] of Object.entries(FILES)) {
    await writeFile(join(cwd, file), content);
    await chmod(join(cwd, file), 0o600);
  }
  await mkdir(join(cwd, "folder"));
});
afterAll(() => engine.stop());

const command = async (args: string[], organization: string) => {
  const { signal } = new AbortController();
  const result = await run([...args, "--local", "-o", organization], { cwd, signal });
  for (const secret of SECRETS) expect(result.stdout + result.stderr).not.toContain(secret);
  return result;
};

const registered = async (organization: string) =>
  JSON.parse((await command(["agents", "list", "--json"], organization)).stdout);

describe.each(Object.entries(FILES).map(([file, [, asPublic]]) => [file, asPublic] as const))(
  "%s as a public key",
  (file, fault) => {
    const organization = `public-${file.replaceAll(".", "-")}`;
    const register = ["agents", "register", "--agent", "a1"];

    it(`is ${fault ? "refused" : "taken"} by agents register`, async () => {
      const { code, stderr } = await command([...register, "--public-key", file], organization);
      expect(stderr).toContain(fault ?? "");
      expect(code).toBe(fault ? 2 : 0);
      expect(await registered(organization)).toHaveLength(fault ? 0 : 1);
    });

    it(`is ${fault ? "refused" : "taken"} by agents rotate-key`, async () => {
      const key = ["--generate-key", `${organization}-first.pem`];
      await command([...register, ...key], `${organization}-r`);
      const args = ["agents", "rotate-key", "--agent", "a1", "--public-key", file];
      const { code, stderr } = await command(args, `${organization}-r`);
      expect(stderr).toContain(fault ?? "");
      expect(code).toBe(fault ? 2 : 0);
      const [agent] = await registered(`${organization}-r`);
      expect(agent.publicKeys).toHaveLength(fault ? 1 : 2);
    });

    it(`is ${fault ? "refused" : "taken"} by agents import`, async () => {
      await writeFile(join(cwd, "agents.csv"), `agentId,publicKeyFile\na1,${file}\n`);
      const { code, stderr } = await command(
        ["agents", "import", "agents.csv"],
        `${organization}-i`,
      );
      expect(stderr).toContain(fault ?? "");
      expect(code).toBe(fault ? 2 : 0);
      expect(await registered(`${organization}-i`)).toHaveLength(fault ? 0 : 1);
    });
  },
);

describe.each(Object.entries(FILES).map(([file, [, , asPrivate]]) => [file, asPrivate] as const))(
  "%s as an agent's private key",
  (file, fault) => {
    it(`is ${fault ? "refused" : "approved"} by doctor`, async () => {
      const organization = `private-${file.replaceAll(".", "-")}`;
      const publicOf: Record<string, string> = { "pkcs1.pem": "public.jwk" };
      const key = ["--public-key", publicOf[file] ?? "public.pem"];
      await command(["agents", "register", "--agent", "a1", ...key], organization);
      const { code, stdout } = await command(
        ["doctor", "--agent", "a1", "--key", file],
        organization,
      );
      expect(stdout).toContain(fault ?? `${file} contains a key of a1`);
      expect(code).toBe(fault ? 1 : 0);
    });
  },
);

describe("in place of a key file", () => {
  it.each([
    ["folder", "folder is a folder"],
    ["gone.pem", "gone.pem does not exist"],
    [PKCS8, "Expected the name of a key file, got a key itself"],
    [jwk(P256.privateKey), "Expected the name of a key file, got a key itself"],
  ])("%.20s is refused by every option for one", async (file, message) => {
    for (const args of [
      ["agents", "register", "--agent", "a2", "--public-key", file],
      ["agents", "rotate-key", "--agent", "a2", "--public-key", file],
    ]) {
      const { code, stderr } = await command(args, "place");
      expect(stderr).toContain(message);
      expect(code).not.toBe(0);
    }
    const { code, stdout } = await command(["doctor", "--agent", "a2", "--key", file], "place");
    expect(stdout).toContain(message);
    expect(code).toBe(1);
  });

  it("and a key in place of its id, nothing of it is repeated", async () => {
    for (const args of [
      ["agents", "remove-key", "--agent", "a2", "--key", PKCS8],
      ["agents", "rotate-key", "--agent", "a2", "--public-key", "public.pem", "--retire", PKCS8],
    ]) {
      const { code, stderr } = await command(args, "place");
      expect(stderr).toContain("expected a key id, got another text");
      expect(code).toBe(2);
    }
  });
});
