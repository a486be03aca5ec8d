import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { emptyFolder, folderWithOutputs, localFolder, run } from "../../testing/cli/run";
import { clientOf, type Engine, startEngine } from "../../testing/engine";
import { onlineRow, putRows } from "../../testing/status-rows";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

const status = ["status", "--organization", "acme"];

describe("the target --local", () => {
  it("is found from any folder below", async () => {
    const cwd = join(await localFolder(engine), "deep", "below");
    await mkdir(cwd, { recursive: true });
    expect((await run([...status, "--local"], { cwd })).code).toBe(0);
  });

  it("is explained where there is none", async () => {
    const cwd = await emptyFolder();
    const { code, stdout, stderr } = await run([...status, "--local"], { cwd });
    expect(code).toBe(4);
    expect(stdout).toBe("");
    expect(stderr).toBe(
      `error: No local runtime found: expected .local/outputs.json in ${cwd} or a folder above it.\n` +
        "Start one with `npm start` in the checkout, or name a deployed one with --stack <name>.\n",
    );
  });

  it.each(["", "{", "[]", "null", "{}"])("is explained where its file holds %p", async (text) => {
    const cwd = await folderWithOutputs(text);
    const { code, stderr } = await run([...status, "--local"], { cwd });
    expect(code).toBe(4);
    expect(stderr).toContain("Restart the local runtime");
  });
});

describe("the target --stack", () => {
  const stacks = {
    Presence: {
      WebSocketUrl: "wss://x.execute-api.eu-west-1.amazonaws.com/prod",
      StatusTableName: "AgentStatus",
      RegistryTableName: "AgentRegistry",
      EventBusName: "Events",
    },
    Other: { BucketName: "b" },
  };
  const dynamoDb = async () => clientOf(engine.endpoint);

  it("is found by the stack's outputs, with region and profile as asked", async () => {
    await putRows(engine.client, engine.statusTableName, [onlineRow(Date.now())]);
    const args = [...status, "--stack", "Presence", "--region", "eu-west-1", "--profile", "ops"];
    const { code, stdout, configs } = await run([...args, "--json"], { stacks, dynamoDb });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toHaveLength(1);
    expect(configs).toEqual([
      { region: "eu-west-1", profile: "ops" },
      { region: "eu-west-1", profile: "ops" },
    ]);
  });

  it("is explained where there is no such stack, or it is another's", async () => {
    const none = await run([...status, "--stack", "Nope"], { stacks, dynamoDb });
    expect(none.code).toBe(4);
    expect(none.stderr).toContain("There is no stack Nope.");
    const other = await run([...status, "--stack", "Other"], { stacks, dynamoDb });
    expect(other.code).toBe(4);
    expect(other.stderr).toBe(
      "error: Stack Other holds no Agent Heartbeat.\nName one that does by --stack: Presence.\n",
    );
    const alone = await run([...status, "--stack", "Other"], {
      stacks: { Other: stacks.Other },
      dynamoDb,
    });
    expect(alone.stderr).toContain("in the outermost one of nested stacks");
  });

  const named = (prefix: string) =>
    Object.fromEntries(
      Object.entries(stacks.Presence).map(([key, value]) => [`${prefix}${key}`, value]),
    );

  it("is found in a stack of somebody's own, which may have outputs of such names too", async () => {
    const host = {
      ...named("Presence"),
      ApiUrl: "https://x",
      WebSocketUrl: "wss://shown-to-people",
    };
    const { code, stdout } = await run([...status, "--stack", "Host", "--json"], {
      stacks: { Host: host },
      dynamoDb,
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toHaveLength(1);
  });

  it("is one of several in a stack, by --construct", async () => {
    const both = { stacks: { Host: { ...named("Blue"), ...named("Green") } }, dynamoDb };
    const args = [...status, "--stack", "Host"];
    const unnamed = await run(args, both);
    expect(unnamed.code).toBe(2);
    expect(unnamed.stderr).toBe(
      "error: Stack Host holds several: Blue, Green.\nName one by --construct <id>.\n",
    );
    expect((await run([...args, "--construct", "Green"], both)).code).toBe(0);
    const wrong = await run([...args, "--construct", "Red"], both);
    expect(wrong.code).toBe(4);
    expect(wrong.stderr).toContain("It holds Blue, Green: name one by --construct.");
  });

  it("is told by doctor what the stack lacks, and what to add", async () => {
    const { EventBusName: _, ...rest } = stacks.Presence;
    const args = ["doctor", "--organization", "acme", "--stack", "Host"];
    const { code, stderr } = await run(args, { stacks: { Host: rest }, dynamoDb });
    expect(code).toBe(4);
    expect(stderr).toContain("Stack Host has no output EventBusName.");
    expect(stderr).toContain(
      'new CfnOutput(stack, "EventBusName", { value: construct.eventBus.eventBusName });',
    );
  });

  it("is explained where AWS refuses", async () => {
    for (const [name, hint] of [
      ["CredentialsProviderError", "Set AWS credentials"],
      ["ExpiredTokenException", "Renew the AWS credentials."],
      ["AccessDeniedException", "lack this permission"],
    ] as const) {
      const refusing = async () => {
        throw Object.assign(new Error("Could not load\n  at somewhere"), { name });
      };
      const args = [...status, "--stack", "Presence"];
      const { code, stderr } = await run(args, { stacks, dynamoDb: refusing });
      expect(code).toBe(4);
      expect(stderr).toContain("error: Could not load\n");
      expect(stderr).toContain(hint);
    }
  });
});

describe("usage", () => {
  it.each([
    [["status", "--local"], "No organization given."],
    [status, "No target given."],
    [[...status, "--local", "--stack", "x"], "--local and --stack exclude each other."],
    [[...status, "--local", "--construct", "x"], "--construct needs --stack <name>."],
    [["bogus"], "Unknown command 'bogus'."],
    [[...status, "--bogus"], "Unknown option '--bogus'."],
    [["agents", "get", "--local", "-o", "acme"], "Required option '-a, --agent <id>'"],
    [["status", "--local", "-o", "a b"], "organizationId: expected 1 to 128 letters"],
  ])("is corrected in one sentence: %p", async (args, sentence) => {
    const cwd = await localFolder(engine);
    const { code, stderr, stdout } = await run(args, { cwd });
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(`error: ${sentence}`);
    expect(stderr).not.toContain("    at ");
  });

  it("is shown where no command is given", async () => {
    for (const args of [[], ["agents"], ["keys"]]) {
      const { code, stdout, stderr } = await run(args);
      expect(code).toBe(2);
      expect(stdout).toBe("");
      expect(stderr).toContain("Usage: agent-heartbeat");
    }
  });

  it("answers --help and --version on stdout", async () => {
    const help = await run(["agents", "register", "--help"]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toContain("--generate-key <file>");
    expect(await run(["--version"])).toMatchObject({ code: 0, stdout: "0.1.0\n" });
  });
});

describe("an unexpected error", () => {
  const dynamoDb = async () => {
    throw new Error("boom");
  };

  it("is one sentence, and a stack trace only with --debug", async () => {
    const cwd = await localFolder(engine);
    const plain = await run([...status, "--local"], { cwd, dynamoDb });
    expect(plain).toMatchObject({ code: 1, stdout: "" });
    expect(plain.stderr).toBe("error: boom\n`--debug` shows the stack trace.\n");
    const debug = await run([...status, "--local", "--debug"], { cwd, dynamoDb });
    expect(debug.stderr).toContain("    at ");
  });
});
