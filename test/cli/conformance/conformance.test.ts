import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { SCENARIOS } from "../../../cli/src/conformance/scenarios";
import { play } from "../../../cli/src/conformance/trial";
import { temporaryFolder } from "../../../testing/temporary-folder";

let folder: string;
beforeAll(() => {
  folder = temporaryFolder();
});

/** A client that logs in once, with what is given in place of a token, and answers every call. */
function faultyClient(name: string, body: string): string[] {
  const file = join(folder, `${name}.cjs`);
  writeFileSync(
    file,
    `const { WebSocket } = require(${JSON.stringify(require.resolve("ws"))});
     const print = (line) => console.log(JSON.stringify(line));
     let settings;
     require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
       const { call, id, ...parameters } = JSON.parse(line);
       settings ??= parameters.settings;
       ${body}
     });`,
  );
  return [process.execPath, file];
}

async function violationOf(name: string, command: string[]): Promise<string | undefined> {
  const scenario = SCENARIOS.find((each) => each.name.includes(name));
  if (!scenario) throw new Error(`no scenario has ${name}`);
  return play(scenario, command, new AbortController().signal);
}

const connectWith = (token: string) =>
  `new WebSocket(settings.url, ["agent-heartbeat.v1", ${token}]).on("error", () => {});`;

describe("a client that is not one", () => {
  it("fails if its program can't be started", async () => {
    const violation = await violationOf("logs in", [join(folder, "missing")]);
    expect(violation).toContain("ENOENT");
  });

  it("fails if its program ends at once", async () => {
    const command = faultyClient("ends", "process.exit(7);");
    expect(await violationOf("logs in", command)).toContain("it ended with code 7");
  });

  it("fails if its token is not a login token", async () => {
    const body = `${connectWith('"token"')} print({ id, result: null });`;
    const violation = await violationOf("logs in", faultyClient("token", body));
    expect(violation).toContain("the key's RFC 7638 thumbprint as kid");
    expect(violation).toContain("a signature of the key");
  });

  it("fails if it uses a token twice", async () => {
    const body = `
      const open = () => new WebSocket(settings.url, ["agent-heartbeat.v1", "e30.e30.x"])
        .on("open", function () { this.send('{"type":"heartbeat"}'); })
        .on("error", () => {})
        .on("close", open);
      open();
      print({ id, result: null });`;
    const violation = await violationOf("close with 1012", faultyClient("twice", body));
    expect(violation).toContain("expected ");
  });

  it("fails if it connects again after superseded", async () => {
    const body = `
      const open = () => new WebSocket(settings.url, ["agent-heartbeat.v1", "e30.e30.x"])
        .on("open", function () { for (let n = 0; n < 2; n++) this.send('{"type":"heartbeat"}'); })
        .on("message", function (text) {
          if (!String(text).includes("superseded")) return;
          this.close(1000);
          open().on("open", () => print({ event: "ended", how: "superseded" }));
        });
      open();
      print({ id, result: null });`;
    const violation = await violationOf("never reconnects", faultyClient("again", body));
    expect(violation).toContain("one login");
  });
});
