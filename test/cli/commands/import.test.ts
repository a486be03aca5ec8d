import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parseCsv } from "../../../cli/src/input/csv";
import { localFolder, type RunOptions, run } from "../../../testing/cli/run";
import { type Engine, startEngine } from "../../../testing/engine";

let engine: Engine;
let cwd: string;
let forms = 0;
const going: RunOptions = { signal: new AbortController().signal };
beforeAll(async () => {
  engine = await startEngine();
  cwd = await localFolder(engine);
  for (const name of ["k1", "k2"]) await run(["keys", "generate", "--out", `${name}.pem`], { cwd });
});
afterAll(() => engine.stop());

async function importing(
  organization: string,
  content: string | Buffer,
  args: string[] = [],
  options = going,
) {
  const file = `${organization}.txt`;
  await writeFile(join(cwd, file), content);
  const words = ["agents", "import", file, "--local", "-o", organization, ...args];
  return run(words, { cwd, ...options });
}

async function registered(organization: string) {
  const list = await run(["agents", "list", "--local", "-o", organization, "--json"], { cwd });
  return JSON.parse(list.stdout);
}

describe("agents import", () => {
  it("says how to continue if a key file already exists, which repeating the command would not solve", async () => {
    const keys = ["--generate-keys", "before"];
    expect((await importing("before", "agentId\na1", keys)).code).toBe(0);
    await run(["agents", "remove", "--local", "-o", "before", "--agent", "a1", "--yes"], { cwd });
    const again = await importing("before", "agentId\na1\na2", keys);
    expect(again.code).toBe(1);
    expect(again.stdout).toContain("1 registered, 0 already registered, 1 failed.");
    const advice = "agents register --agent a1 --public-key before/a1.pem.pub";
    expect(again.stdout).toContain(`Register that key: \`${advice}\``);
    expect(again.stderr).toContain("Fix the problems above");
    await run([...advice.split(" "), "--local", "-o", "before"], { cwd });
    expect((await importing("before", "agentId\na1\na2", keys)).code).toBe(0);
  });

  it("registers the agents of a CSV file, with keys from files beside it", async () => {
    const csv =
      'agentId,role,description,publicKeyFile\na1,,"one, two",k1.pem.pub\nv1,viewer,,k2.pem.pub\n';
    const { code, stdout, stderr } = await importing("csv", csv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe("2 registered, 0 already registered, 0 failed.\n");
    expect(await registered("csv")).toMatchObject([
      {
        agentId: "a1",
        role: "agent",
        description: "one, two",
        publicKeys: [{ algorithm: "EdDSA" }],
      },
      { agentId: "v1", role: "viewer" },
    ]);
  });

  it("registers the agents of a JSON file, with keys in it or generated", async () => {
    const jwk = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
    const json = JSON.stringify([{ agentId: "a1", publicKey: jwk }, { agentId: "a2" }]);
    const { code, stdout } = await importing("json", json, ["--generate-keys", "keys", "--json"]);
    expect(code).toBe(0);
    const outcome = JSON.parse(stdout);
    expect(outcome).toEqual({ registered: expect.any(Array), existing: [], ended: [], failed: [] });
    expect(outcome.registered.sort()).toEqual(["a1", "a2"]);
    expect((await readdir(join(cwd, "keys"))).sort()).toEqual(["a2.pem", "a2.pem.pub"]);
    expect((await stat(join(cwd, "keys", "a2.pem"))).mode & 0o777).toBe(0o600);
  });

  it("can be repeated: registered agents are not changed", async () => {
    const csv = "agentId\na1\na2\n";
    const keys = ["--generate-keys", "repeated"];
    await importing("again", "agentId\na1\n", keys);
    const [before] = await registered("again");
    const { code, stdout } = await importing("again", csv, keys);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "1 registered, 1 already registered, 0 failed.\n",
    });
    expect((await registered("again"))[0]).toEqual(before);
  });

  it("restores a registry from the output of `agents list --json`", async () => {
    const csv =
      "agentId,role,description,publicKeyFile\na1,,=SUM(1),k1.pem.pub\nv1,viewer,,k2.pem.pub\n";
    await importing("origin", csv);
    const at = ["--local", "-o", "origin"];
    await run(["agents", "rotate-key", "--agent", "a1", "--public-key", "k2.pem.pub", ...at], {
      cwd,
    });
    await run(["agents", "disable", "--agent", "v1", ...at], { cwd });
    const before = await registered("origin");
    const [a1, v1] = before;
    const guest = { ...v1, agentId: "guest", expiresAt: Date.now() - 1 };
    const later = { ...v1, agentId: "later", expiresAt: Date.now() + 3_600_000 };
    for (const { agentId } of before)
      await run(["agents", "remove", "--agent", agentId, "--yes", ...at], { cwd });
    expect(await registered("origin")).toEqual([]);

    const { code, stdout } = await importing("origin", JSON.stringify([a1, v1, guest, later]));
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        "3 registered, 0 already registered, 0 failed.\n" +
        "Skipped because their registration had expired: guest.\n",
    });
    const times = { createdAt: expect.any(Number), updatedAt: expect.any(Number) };
    // A lock-out is of the registration that it was made for; disabled is disabled.
    const withoutLockOut = ({ revokedAt: _, ...agent }: typeof a1) => ({
      ...agent,
      ...times,
      publicKeys: agent.publicKeys.map((key: object) => ({ ...key, addedAt: expect.any(Number) })),
    });
    expect(await registered("origin")).toEqual([
      withoutLockOut(a1),
      withoutLockOut(later),
      withoutLockOut(v1),
    ]);
  });

  it("draws a bar at a terminal", async () => {
    const rows = Array.from({ length: 30 }, (_, index) => `a${index},k1.pem.pub`);
    const csv = ["agentId,publicKeyFile", ...rows].join("\n");
    const { stderr } = await importing("bar", csv, [], { ...going, isTTY: true });
    expect(stderr).toContain("15 of 30");
    expect(stderr).toContain("█".repeat(30));
    expect(stderr.endsWith(" 30 of 30\r\u001b[K")).toBe(true);
  });

  it("stops when interrupted, and reports what is left to import", async () => {
    const options = { signal: AbortSignal.abort() };
    const { code, stderr } = await importing(
      "stopped",
      "agentId,publicKeyFile\na,k1.pem.pub",
      [],
      options,
    );
    expect(code).toBe(1);
    expect(stderr).toContain("Interrupted: 1 of 1 agents remain.");
  });

  it.each([
    ["agentId,publicKeyFile\na b,k1.pem.pub", "line 2: agentId: expected 1 to 128 letters"],
    ["agentId\nservice", "line 2: agentId: expected an id other than service and event:..."],
    ["agentId\nevent:x", "line 2: agentId: expected an id other than service and event:..."],
    ["agentId\na1", "line 2: expected publicKey or publicKeyFile, or --generate-keys <folder>"],
    ["agentId,role,publicKeyFile\na,admin,k1.pem.pub", "line 2: role: expected agent, viewer"],
    ["agentId,publicKeyFile\na,gone.pub", "line 2: gone.pub does not exist."],
    ["agentId,publicKeyFile\na,k1.pem", "line 2: k1.pem: expected a public key, got a private key"],
    ["agentId,publicKey\na,nonsense", "line 2: expected a public key, got another text"],
    [
      "agentId,colour\na,red\nb,blue",
      'line 1: expected the columns agentId, role, description, publicKey, publicKeyFile, got "colour"',
    ],
    ["agentId,role,agentId\na,agent,b", "line 1: the column agentId appears twice"],
    [
      "agentId,publicKeyFile\na,k1.pem.pub\n\na,k2.pem.pub",
      "line 4: agent a appears in line 2 already",
    ],
    ["", "holds no agents, so nothing was registered"],
    ["\ufeff\r\n", "holds no agents, so nothing was registered"],
    ["agentId,publicKeyFile\r\n", "holds no agents, so nothing was registered"],
    ["agentId;publicKeyFile\n;\n", "holds no agents, so nothing was registered"],
    ["[]", "holds no agents, so nothing was registered"],
    ['[{"agentId":7}]', "entry 1: agentId: expected a text, got 7"],
    ['[{"agentId":"a1","publicKeys":[]}]', "entry 1: publicKeys: expected one or two keys, got []"],
    ['[{"agentId":"a1","publicKeys":[{"x":1}]}]', "publicKeys: expected a jwk in each, got"],
    [
      '[{"agentId":"a1","organizationId":"other","publicKeys":[{}]}]',
      'organizationId: expected faulty, got "other"',
    ],
    ['[{"agentId":"a1","enabled":"no","publicKeys":[{}]}]', "enabled: expected true or false"],
    ['[{"agentId":"a1","expiresAt":1e99,"publicKeys":[{}]}]', "expiresAt: expected epoch"],
    ["[7]", "faulty.txt: entry 1: expected an object, got 7."],
    ["[", "faulty.txt: line 1, column 2: expected ] before the end."],
    ['[\n{"agentId":"a1"}\n{"agentId":"a2"}]', "line 3, column 1: expected a comma."],
    ['{"agentId":"a1"}', 'expected an array, got {"agentId":"a1"}.'],
    [
      '"agents"',
      'expected the columns agentId, role, description, publicKey, publicKeyFile, got "agents".',
    ],
    ['agentId\n"a', "faulty.txt: Quote Not Closed: "],
    ["agentId,role\na,agent,more", 'line 2: expected at most 2 values, got another one, "more".'],
    ["agentId,\na,more", 'line 2: expected at most 2 values, got another one, "more".'],
    [
      '[{"agentId":"a1","publicKey":{"kty":"OKP","crv":"Ed25519","x":"x","d":"secret"}}]',
      "entry 1: expected a public key, got a private key as a JWK",
    ],
    [
      '[{"agentId":"a1","publicKeys":[{"jwk":{"kty":"RSA","n":"n","e":"AQAB","d":"secret"}}]}]',
      "entry 1: expected a public key, got a private key as a JWK",
    ],
  ])("registers nothing of a file with a fault: %p", async (text, fault) => {
    const { code, stdout, stderr } = await importing("faulty", text);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(fault);
    expect(stderr).not.toContain("secret");
    expect(await registered("faulty")).toEqual([]);
  });

  it.each([
    ["semicolons", "agentId;description;publicKeyFile\na1;one, two;k1.pem.pub\n"],
    ["tabs", "agentId\tdescription\tpublicKeyFile\na1\tone, two\tk1.pem.pub\n"],
    [
      "a line that names the separator",
      "sep=;\nagentId;description;publicKeyFile\na1;one, two;k1.pem.pub",
    ],
    ["line ends of Windows", 'agentId,description,publicKeyFile\r\na1,"one, two",k1.pem.pub\r\n'],
    ["line ends of an old Mac", 'agentId,description,publicKeyFile\ra1,"one, two",k1.pem.pub\r'],
    ["a byte order mark", '\ufeffagentId,description,publicKeyFile\na1,"one, two",k1.pem.pub\n'],
    [
      "every field in quotes",
      '"agentId","description","publicKeyFile"\n"a1","one, two","k1.pem.pub"',
    ],
    [
      "every field in quotes, and the line that names the separator",
      '"sep=;"\r\n"agentId";"description";"publicKeyFile"\r\n"a1";"one, two";"k1.pem.pub"\r\n',
    ],
    ["columns without a name", 'agentId,description,publicKeyFile,,\na1,"one, two",k1.pem.pub,,\n'],
    ["rows that end early", 'agentId,description,publicKeyFile,role\na1,"one, two",k1.pem.pub\n'],
    ["empty lines", '\n\nagentId,description,publicKeyFile\n\n,,\na1,"one, two",k1.pem.pub\n\n'],
    [
      "UTF-16, as a spreadsheet's Unicode text",
      Buffer.from(
        "\ufeffagentId\tdescription\tpublicKeyFile\r\na1\tone, two\tk1.pem.pub\r\n",
        "utf16le",
      ),
    ],
    [
      "JSON with a byte order mark",
      '\ufeff[{"agentId": "a1", "description": "one, two", "publicKeyFile": "k1.pem.pub"}]',
    ],
    [
      "JSON in UTF-16 LE, as PowerShell's > writes",
      Buffer.from(
        '\ufeff[\r\n{"agentId": "a1", "description": "one, two", "publicKeyFile": "k1.pem.pub"}\r\n]',
        "utf16le",
      ),
    ],
    [
      "JSON with commas before closing brackets",
      '[{"agentId": "a1", "description": "one, two", "publicKeyFile": "k1.pem.pub",},]',
    ],
  ])("reads a file with %s", async (_, content) => {
    forms += 1;
    const organization = `form-${forms}`;
    const { code, stderr } = await importing(organization, content);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(await registered(organization)).toMatchObject([
      { agentId: "a1", description: "one, two", publicKeys: [{ algorithm: "EdDSA" }] },
    ]);
  });

  it("reports the line of an error with any line ending, also after multi-line fields", async () => {
    for (const end of ["\n", "\r\n", "\r"]) {
      const lines = ["agentId,description,role", `a1,"one${end}two",agent`, "a2,,pilot"];
      const { stderr } = await importing("lines", lines.join(end), ["--generate-keys", "none"]);
      expect(stderr).toContain("line 4: role: expected");
    }
  });

  it("says that a spreadsheet file is not text", async () => {
    const { code, stderr } = await importing("sheet", Buffer.from("PK\u0003\u0004\0\0"));
    expect(code).toBe(2);
    expect(stderr).toContain("sheet.txt is not a text file, but a spreadsheet or a ZIP archive.");
  });
});

describe("comma-separated values", () => {
  it("may contain quotes, commas and line breaks in quotes, and have either line ending", () => {
    expect(parseCsv('a,b\r\n"x ""y"", z","1\n2"\r\n\r\n 3 ,\n', ["a", "b"])).toEqual([
      { line: 2, values: { a: 'x "y", z', b: "1\n2" } },
      { line: 5, values: { a: "3" } },
    ]);
    expect(parseCsv("", ["a"])).toEqual([]);
  });

  it.each(['a\n"b', 'a\nb"c', 'a\n"b"c'])(
    "are refused where a quote is out of place: %p",
    (text) => {
      expect(() => parseCsv(text, ["a"])).toThrow(/Quote.* at line 2/);
    },
  );
});
