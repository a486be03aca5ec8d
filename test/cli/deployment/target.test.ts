import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { version } from "../../../cli/package.json";
import { emptyFolder, folderWithOutputs, localFolder, run } from "../../../testing/cli/run";
import { clientOf, type Engine, startEngine } from "../../../testing/engine";
import { onlineRow, putRows } from "../../../testing/status-rows";

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

  it("is refused with an explanation if there is none", async () => {
    const cwd = await emptyFolder();
    const { code, stdout, stderr } = await run([...status, "--local"], { cwd });
    expect(code).toBe(4);
    expect(stdout).toBe("");
    expect(stderr).toBe(
      `error: No local service found: expected .local/outputs.json in ${cwd} or a folder above it.\n` +
        "Start one with `agent-heartbeat local`, name its file with --outputs <file>, or select a deployed one with --stack <name>.\n",
    );
  });

  it.each(["", "{", "[]", "null", "{}"])("is explained where its file holds %p", async (text) => {
    const cwd = await folderWithOutputs(text);
    const { code, stderr } = await run([...status, "--local"], { cwd });
    expect(code).toBe(4);
    expect(stderr).toContain("Restart the local service");
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

  it("is explained if there is no such stack, or it contains no construct", async () => {
    const none = await run([...status, "--stack", "Nope"], { stacks, dynamoDb });
    expect(none.code).toBe(4);
    expect(none.stderr).toContain("There is no stack Nope.");
    const other = await run([...status, "--stack", "Other"], { stacks, dynamoDb });
    expect(other.code).toBe(4);
    expect(other.stderr).toBe(
      "error: Stack Other contains no Agent Heartbeat: its outputs are BucketName.\nSelect a stack that does with --stack: Presence.\n",
    );
    const alone = await run([...status, "--stack", "Other"], {
      stacks: { Other: stacks.Other },
      dynamoDb,
    });
    expect(alone.stderr).toContain("to the outermost of nested stacks");
  });

  const named = (prefix: string) =>
    Object.fromEntries(
      Object.entries(stacks.Presence).map(([key, value]) => [`${prefix}${key}`, value]),
    );

  it("is found in a stack that has outputs with the same names", async () => {
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
      "error: Stack Host contains several: Blue, Green.\nSelect one with --construct <id>.\n",
    );
    expect((await run([...args, "--construct", "Green"], both)).code).toBe(0);
    const wrong = await run([...args, "--construct", "Red"], both);
    expect(wrong.code).toBe(4);
    expect(wrong.stderr).toContain("It contains Blue, Green: select one with --construct.");
  });

  it("is diagnosed by doctor: what the stack lacks, and what to add", async () => {
    const { EventBusName: _, ...rest } = stacks.Presence;
    const args = ["doctor", "--organization", "acme", "--stack", "Host"];
    const { code, stderr } = await run(args, { stacks: { Host: rest }, dynamoDb });
    expect(code).toBe(4);
    expect(stderr).toContain("Stack Host has no output EventBusName.");
    expect(stderr).toContain(
      'new CfnOutput(stack, "EventBusName", { value: construct.eventBus.eventBusName });',
    );
  });

  it("is refused with an explanation if AWS denies access", async () => {
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

describe("the target --outputs", () => {
  const values = {
    WebSocketUrl: "wss://x.execute-api.eu-west-1.amazonaws.com/prod",
    StatusTableName: "AgentStatus",
    RegistryTableName: "AgentRegistry",
    EventBusName: "Events",
  };
  const prefixed = (id: string) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [`${id}${name}`, value]));
  const dynamoDb = async () => clientOf(engine.endpoint);

  async function runWith(file: object, ...args: string[]) {
    const cwd = await folderWithOutputs(JSON.stringify(file));
    return run([...status, "--outputs", ".local/outputs.json", ...args], { cwd, dynamoDb });
  }

  it("is a local service's file in any folder", async () => {
    const file = join(await localFolder(engine), ".local", "outputs.json");
    expect((await run([...status, "--outputs", file])).code).toBe(0);
  });

  it("is what cdk deploy --outputs-file writes, of one or several stacks and constructs", async () => {
    const stacks = { Network: { VpcId: "v" }, Service: prefixed("Presence") };
    expect((await runWith(stacks)).code).toBe(0);
    const both = { ...stacks, Twice: { ...prefixed("Blue"), ...prefixed("Green") } };
    expect((await runWith(both)).stderr).toContain(
      "several stacks with Agent Heartbeat: Service, Twice",
    );
    const twice = await runWith(both, "--stack", "Twice");
    expect(twice.stderr).toContain("Stack Twice contains several: Blue, Green.");
    expect((await runWith(both, "--stack", "Twice", "--construct", "Blue")).code).toBe(0);
    expect((await runWith({ Network: { VpcId: "v" } })).stderr).toContain(
      "has no stack with Agent Heartbeat, but Network.",
    );
  });
});

describe("a target of single values", () => {
  const dynamoDb = async () => clientOf(engine.endpoint);
  const tables = () => [
    "--status-table",
    engine.statusTableName,
    "--registry-table",
    engine.registryTableName,
  ];

  it("needs no stack, and asks for missing values that a command needs", async () => {
    const { code, configs } = await run([...status, ...tables(), "--region", "eu-west-1"], {
      dynamoDb,
    });
    expect(code).toBe(0);
    expect(configs).toEqual([{ region: "eu-west-1" }]);
    const sent = await run(["publish", "x", "1", "-o", "acme", ...tables()], { dynamoDb });
    expect(sent.code).toBe(2);
    expect(sent.stderr).toContain(
      "This command needs --event-bus <name> in addition to --status-table, --registry-table.",
    );
  });

  it("registers an agent, also without the URL", async () => {
    const cwd = await emptyFolder();
    const args = [
      "agents",
      "register",
      "-o",
      "values",
      "--agent",
      "a1",
      "--generate-key",
      "a1.pem",
    ];
    const { code, stdout } = await run([...args, ...tables()], { cwd, dynamoDb });
    expect(code).toBe(0);
    expect(stdout).toContain("It can connect to the deployment");
  });

  it("completes what a stack lacks", async () => {
    const stacks = {
      Host: { WebSocketUrl: "wss://x", RegistryTableName: engine.registryTableName },
    };
    const args = [...status, "--stack", "Host"];
    const lacking = await run(args, { stacks, dynamoDb });
    expect(lacking.stderr).toContain("pass --status-table <name> --event-bus <name>");
    const given = ["--status-table", engine.statusTableName, "--event-bus", "b"];
    expect((await run([...args, ...given], { stacks, dynamoDb })).code).toBe(0);
  });
});

describe("usage", () => {
  it.each([
    [["status", "--local"], "No organization given."],
    [status, "No target given."],
    [[...status, "--local", "--stack", "x"], "--local and --stack exclude each other."],
    [[...status, "--local", "--outputs", "x"], "--local and --outputs exclude each other."],
    [[...status, "--local", "--construct", "x"], "--construct needs --stack <name>"],
    [[...status, "--url", "https://x"], "Option '--url <url>' argument 'https://x' is invalid."],
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

  it("is shown if no command is given", async () => {
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
    expect(await run(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n` });
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
