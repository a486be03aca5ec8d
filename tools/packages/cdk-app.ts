/** A CDK app with the construct and a function behind its event bus, which runs with `agent-heartbeat local --app`. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  COMMAND,
  eventually,
  expectNothingLeft,
  output,
  type Part,
  type Project,
  save,
  urlOf,
  withPrograms,
} from "./project";

const APP = `
  import { App, Stack } from "aws-cdk-lib";
  import { Rule } from "aws-cdk-lib/aws-events";
  import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
  import { Code, Function, Runtime } from "aws-cdk-lib/aws-lambda";
  import { Vpc, IpAddresses } from "aws-cdk-lib/aws-ec2";
  import { AgentHeartbeat } from "@agent-heartbeat/cdk";
  const app = new App();
  new Stack(app, "Other");
  const stack = new Stack(app, "MyService");
  const presence = new AgentHeartbeat(stack, "Presence");
  new AgentHeartbeat(stack, "Second", { dashboard: false });
  const alert = new Function(stack, "Alert", {
    runtime: Runtime.NODEJS_22_X,
    handler: "index.handler",
    code: Code.fromAsset("alert"),
  });
  new Rule(stack, "Online", {
    eventBus: presence.eventBus,
    eventPattern: { detailType: ["Agent Online"] },
    targets: [new LambdaFunction(alert)],
  });
  // What does not run on one machine.
  new Vpc(stack, "Network", { ipAddresses: IpAddresses.cidr("10.0.0.0/16"), natGateways: 0 });
  app.synth();
`;

const ALERT = `exports.handler = async ({ detail }) => console.log("alert:", detail.agentId, detail.reason);`;

const AGENT = `
  import { HeartbeatAgent } from "@agent-heartbeat/sdk";
  const agent = new HeartbeatAgent({
    agentId: "a1", url: process.argv[2], organizationId: "acme", privateKeyPath: ".local/acme/a1.pem",
  });
  await agent.start();
  await agent.stop();
`;

export const cdkApp: Part = {
  packages: ["sdk", "local", "cli", "lib"],
  others: ["aws-cdk-lib@^2.276.0", "constructs@^10.5.0"],
  async run(project) {
    const { directory } = project;
    save(project, "app.mjs", APP);
    save(project, "cdk.json", JSON.stringify({ app: "node app.mjs" }));
    save(project, "agent.mjs", AGENT);
    saveFunction(project);
    await withPrograms(async (start) => {
      const unnamed = start(project, COMMAND, "local", "--port", "0", "--app");
      await unnamed.prints("The app has several: MyService Presence, MyService Second");
      const local = ["local", "--construct", "Presence", "--port", "0", "--agent", "acme/a1"];
      const service = start(project, COMMAND, ...local, "--app");
      const said = await service.prints("private key .local/acme/a1.pem");
      if (!/AWS::EC2::VPC does not run here/.test(said)) {
        throw new Error(`expected a warning about the VPC, got:\n${said}`);
      }
      await output(project, "node", "agent.mjs", urlOf(project));
      const logs = () => {
        const folder = join(directory, ".local", "logs");
        const files = readdirSync(folder).filter((name) => name.includes("Alert"));
        return files.map((name) => readFileSync(join(folder, name), "utf8")).join("");
      };
      await eventually("the function logs the agent, got ", logs, async () =>
        logs().includes("alert: a1 connected"),
      );
      await service.end();
    });
    expectNothingLeft(project);
  },
};

function saveFunction({ directory }: Project): void {
  mkdirSync(join(directory, "alert"));
  writeFileSync(join(directory, "alert", "index.js"), ALERT);
}
