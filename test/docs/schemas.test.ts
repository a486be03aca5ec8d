import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { Ajv } from "ajv";
import vectors from "../../conformance/vectors.json";
import { parseHeartbeat, parseList } from "../../core/client-messages";
import { parsePublish } from "../../core/publish-message";
import { decodeServerMessage } from "../../core/server-messages";
import { SCHEMAS, type SchemaFile, schemas } from "../../tools/docs/schemas";

const generated = schemas();

/** Says whether a value fits the schema of a file. */
function fits(file: SchemaFile): (value: unknown) => boolean {
  // `@default` may be words for people.
  const ajv = new Ajv({ strict: false });
  const validate = ajv.compile(JSON.parse(generated[file]));
  return (value) => validate(value) as boolean;
}

const accepts = (parse: (body: string) => unknown, message: object) => {
  try {
    parse(JSON.stringify(message));
    return true;
  } catch {
    return false;
  }
};

describe("the JSON Schemas", () => {
  it.each(Object.keys(generated) as SchemaFile[])(
    "in %s match the protocol (npm run docs:generate)",
    (file) => {
      expect(readFileSync(join(SCHEMAS, file), "utf8")).toBe(generated[file]);
    },
  );

  it.each(Object.keys(generated).filter((file) => file.startsWith("events/")))(
    "in %s can be read by EventBridge's registry, which knows draft 4",
    (file) => {
      const text = generated[file as SchemaFile];
      expect(JSON.parse(text).$schema).toBe("http://json-schema.org/draft-04/schema#");
      expect(text).not.toContain('"const"');
    },
  );

  const fromClients = fits("from-clients.json");
  const activity = (fields: object) => ({
    type: "heartbeat",
    activity: { state: "working", ...fields },
  });
  it.each<[object, (body: string) => unknown, boolean]>([
    [{ type: "heartbeat" }, parseHeartbeat, true],
    [{ type: "heartbeat", id: "x".repeat(64), more: 1 }, parseHeartbeat, true],
    [{ type: "heartbeat", id: "x".repeat(65) }, parseHeartbeat, false],
    [{ type: "heartbeat", id: 1 }, parseHeartbeat, false],
    [activity({ inFlight: 3, startedAt: 1, progressAt: 0, note: "n" }), parseHeartbeat, true],
    [activity({ inFlight: 1.5 }), parseHeartbeat, false],
    [activity({ startedAt: -1 }), parseHeartbeat, false],
    [activity({ maxSilenceMs: 2e9 }), parseHeartbeat, false],
    [activity({ eventLoopLagMs: 0.25 }), parseHeartbeat, false],
    [activity({ task: "x".repeat(65) }), parseHeartbeat, false],
    [activity({ state: "busy" }), parseHeartbeat, false],
    [{ type: "list", limit: 100, cursor: null, profiles: true }, parseList, true],
    [{ type: "list", limit: 0 }, parseList, false],
    [{ type: "list", limit: 101 }, parseList, false],
    [{ type: "list", status: "asleep" }, parseList, false],
    [{ type: "publish", subject: "a.b", data: [1, null], to: "b" }, parsePublish, true],
    [{ type: "publish", to: "b", data: 1 }, parsePublish, true],
    [{ type: "publish", data: 1 }, parsePublish, false],
  ])("judge %j as the service does", (message, parse, accepted) => {
    expect(accepts(parse, message)).toBe(accepted);
    expect(fromClients(message)).toBe(accepted);
  });

  it("fit whatever clients take from the server", () => {
    const fromTheServer = fits("from-the-server.json");
    const taken = vectors.frames
      .flatMap(({ message }) => message ?? [])
      // Clients are ready for codes that are yet to come.
      .filter(({ code }) => code !== "from_the_future");
    expect(taken.length).toBeGreaterThan(5);
    for (const message of taken) {
      expect(decodeServerMessage(JSON.stringify(message))).toBeDefined();
      // Clients also take a message without the two, which the service always sends.
      const sent = message.type === "message" ? { messageId: "1", from: "b", ...message } : message;
      expect([sent, fromTheServer(sent)]).toEqual([sent, true]);
    }
    expect(fromTheServer({ type: "heartbeat_ack" })).toBe(false);
  });
});
