/** Which stack and construct of an app the service runs. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { startLocalService } from "../../../local/app/service";
import { temporaryFolder } from "../../../testing/temporary-folder";

/** An assembly of stacks with outputs, and nothing else. */
function assemblyOf(stacks: Record<string, string[]>): string {
  const directory = temporaryFolder();
  const write = (file: string, content: object) =>
    writeFileSync(join(directory, file), JSON.stringify(content));
  for (const [name, outputs] of Object.entries(stacks)) {
    const Outputs = Object.fromEntries(outputs.map((output) => [output, { Value: "x" }]));
    write(`${name}.template.json`, { Resources: {}, Outputs });
  }
  const artifacts = Object.keys(stacks).map((name) => [
    name,
    { type: "aws:cloudformation:stack", properties: { templateFile: `${name}.template.json` } },
  ]);
  write("manifest.json", { artifacts: Object.fromEntries(artifacts) });
  return directory;
}

const start = (stacks: Record<string, string[]>, options: object = {}) =>
  startLocalService({ assemblyDirectory: assemblyOf(stacks), ...options });

/** What a stack is refused for when it has been chosen, since these have no resources. */
const refusalOf = (stack: string) =>
  `The template of ${stack}: expected one AWS::ApiGatewayV2::Api`;

describe("the stack and the construct that run", () => {
  it("are the only ones with the outputs of the construct", async () => {
    const stacks = { Network: ["VpcId"], Service: ["PresenceWebSocketUrl"] };
    await expect(start(stacks)).rejects.toThrow(refusalOf("Service"));
  });

  it("are the construct of a separate stack, also beside outputs with such names", async () => {
    const stacks = { Service: ["WebSocketUrl", "MyWebSocketUrl"] };
    await expect(start(stacks)).rejects.toThrow(refusalOf("Service"));
  });

  it("are those that are named", async () => {
    const stacks = { One: ["AWebSocketUrl", "BWebSocketUrl"], Two: ["AWebSocketUrl"] };
    await expect(start(stacks, { stackName: "Two" })).rejects.toThrow(refusalOf("Two"));
    await expect(start(stacks, { construct: "B" })).rejects.toThrow(refusalOf("One"));
    await expect(start(stacks, { construct: "A" })).rejects.toThrow(
      "The app has several: One A, Two A; name one with --stack <name> and --construct <id>",
    );
  });

  it("are named in the error if they do not exist", async () => {
    await expect(start({ Network: ["VpcId"] })).rejects.toThrow(
      "The app: expected a stack with an AgentHeartbeat, got the stacks Network",
    );
    const stacks = { Service: ["PresenceWebSocketUrl"] };
    await expect(start(stacks, { construct: "Other" })).rejects.toThrow(
      "expected a stack with an AgentHeartbeat Other, got the stacks Service",
    );
  });
});
