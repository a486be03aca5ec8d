/** The construct as users get it: packed, installed in an empty CDK app, and synthesized. */

import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { functionNames } from "../../lambda/build";
import { startLocalService } from "../../local/app/service";
import { type InstalledPackage, installPacked, lintPackage } from "../../testing/empty-project";
import { TEST_KEY } from "../../testing/keys";
import { typeErrors } from "../../testing/package-types";
import { builtCopy } from "../../testing/packages";

const run = promisify(execFile);

let root: string;
let cdk: InstalledPackage;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "agent-heartbeat-"));
  const source = join(root, "cdk");
  await builtCopy("lib", source);
  const dependencies = ["aws-cdk-lib", "constructs", "@types", "undici-types"];
  cdk = await installPacked(source, "@agent-heartbeat/cdk", dependencies);
});

afterAll(() => rm(root, { recursive: true }));

const ES_MODULE = `
  import { App, CfnOutput, Duration, Stack } from "aws-cdk-lib";
  import { AgentHeartbeat } from "@agent-heartbeat/cdk";
  const app = new App();
  const stack = new Stack(app, "MyService");
  const presence = new AgentHeartbeat(stack, "Presence", { retention: Duration.days(30) });
  new CfnOutput(stack, "Url", { value: presence.webSocketUrl });
  app.synth();
`;

const COMMON_JS = `
  const { App } = require("aws-cdk-lib");
  const { Certificate } = require("aws-cdk-lib/aws-certificatemanager");
  const { AgentHeartbeatStack } = require("@agent-heartbeat/cdk");
  const app = new App();
  const scope = new (require("constructs").Construct)(app, "Certificates");
  const arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1";
  const certificate = Certificate.fromCertificateArn(scope, "Agents", arn);
  new AgentHeartbeatStack(app, "MyService", {
    customDomain: { domainName: "agents.example.com", certificate },
  });
  app.synth();
`;

type Resources = Record<string, { Type: string; Properties: Record<string, never> }>;

describe("the packed construct in an empty app", () => {
  it.each([
    ["ES modules", "app.mjs", ES_MODULE],
    ["CommonJS", "app.cjs", COMMON_JS],
  ])("synthesizes from %s, with nothing to bundle", async (_, file, application) => {
    const outdir = join(cdk.project, `${file}.out`);
    await writeFile(join(cdk.project, file), application);
    const { stderr } = await run(process.execPath, [file], {
      cwd: cdk.project,
      // Neither esbuild nor Docker is available: the package contains everything.
      env: { CDK_OUTDIR: outdir, PATH: "", CDK_VALIDATION: "false" },
    });
    expect(stderr).not.toContain("Bundling");
    const template = await readFile(join(outdir, "MyService.template.json"), "utf8");
    const resources = Object.values((JSON.parse(template) as { Resources: Resources }).Resources);
    const functions = resources.flatMap(({ Type, Properties }) => {
      const { Environment, Code } = Properties as {
        Environment?: { Variables: Record<string, string> };
        Code?: { S3Key: string };
      };
      const entry = Environment?.Variables.POWERTOOLS_SERVICE_NAME;
      return Type === "AWS::Lambda::Function" && entry && Code ? [{ entry, Code }] : [];
    });
    expect(functions.map(({ entry }) => entry).sort()).toEqual(functionNames());
    for (const { entry, Code } of functions) {
      const asset = join(outdir, `asset.${Code.S3Key.replace(/\.zip$/, "")}`, "index.js");
      const packed = join(cdk.installed, "dist", "lambda", entry, "index.js");
      expect(await readFile(asset, "utf8")).toBe(await readFile(packed, "utf8"));
    }
    expect(resources.map(({ Type }) => Type)).toContain("Custom::BucketFiles");
  });

  it("runs, and accepts agents at a custom domain and at the API's address", async () => {
    const assemblyDirectory = join(cdk.project, "app.cjs.out");
    const runtime = await startLocalService({ assemblyDirectory, schedules: false });
    const { webSocketUrl: url, dynamoDbEndpoint: endpoint, region, ...tables } = runtime.outputs;
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    const client = new DynamoDBClient({ endpoint, region, credentials });
    try {
      const name = { organizationId: "acme", agentId: "worker-1" };
      await new AgentRegistry({ client, ...tables }).register({ ...name, publicKey: TEST_KEY });
      expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
      for (const address of [url, `${url}/prod`]) {
        const agent = new HeartbeatAgent({
          ...name,
          privateKey: TEST_KEY,
          url: address,
          logger: null,
        });
        await agent.start();
        const { agents } = await agent.list();
        expect(agents.map(({ agentId, status }) => [agentId, status])).toEqual([
          ["worker-1", "online"],
        ]);
        await agent.stop();
      }
    } finally {
      client.destroy();
      await runtime.stop();
    }
  });

  it("contains every function, also those that only some settings need", async () => {
    expect((await readdir(join(cdk.installed, "dist", "lambda"))).sort()).toEqual(functionNames());
  });

  it("contains the dashboard's page, and no sources", async () => {
    const files = await readdir(cdk.installed, { recursive: true });
    expect(files).toContain("dist/dashboard/index.html");
    expect(files.filter((file) => /\.ts$/.test(file) && !/\.d\.ts$/.test(file))).toEqual([]);
    expect(files.filter((file) => /fingerprint|\.map$/.test(file))).toEqual([]);
  });

  it("depends only on what the app has installed", async () => {
    const { resolve } = createRequire(join(cdk.installed, "package.json"));
    const code = await readFile(join(cdk.installed, "dist", "index.js"), "utf8");
    const required = [...code.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name = ""]) => name);
    const foreign = required.filter((name) => !/^(node:|aws-cdk-lib(\/|$)|constructs$)/.test(name));
    expect(foreign).toEqual([]);
    for (const name of required) expect(() => resolve(name)).not.toThrow();
  });

  it("has types that compile for ES modules and CommonJS", () => {
    const code = `
      import { Stack } from "aws-cdk-lib";
      import { AgentHeartbeat, type AgentHeartbeatProps, AgentHeartbeatStack } from "@agent-heartbeat/cdk";
      const props: AgentHeartbeatProps = { throttling: { rateLimit: 100, burstLimit: 50 } };
      const stack: Stack = new AgentHeartbeatStack(undefined as never, "Stack", props);
      // @ts-expect-error: an app or a stage is required
      new AgentHeartbeatStack();
      export const table: string = new AgentHeartbeat(stack, "Presence").statusTable.tableName;
    `;
    // The declarations of all of CDK's services take longer than everything else.
    const core = join(cdk.project, "node_modules/aws-cdk-lib/core/index.d.ts");
    expect(typeErrors(cdk, code, { paths: { "aws-cdk-lib": [core] } })).toEqual([]);
  });

  it("is clean for publint and attw", () => lintPackage(cdk.installed));
});
