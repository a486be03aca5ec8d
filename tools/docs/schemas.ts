/** Generates JSON Schemas of the wire protocol from its types. */

import { join } from "node:path";
import { createGenerator } from "ts-json-schema-generator";
import type { EventDetailType } from "../../core/events";

const ROOT = join(__dirname, "../..");

/** The types that cross the wire as a whole, by the file that describes them. */
const TYPES = {
  "from-clients.json": "ClientMessage",
  "from-the-server.json": "ServerMessage",
  "login-claims.json": "LoginClaims",
  "transition.json": "Transition",
};

/** The events on the bus, by the file that describes them. */
const EVENTS = {
  "events/agent-online.json": "AgentOnlineEvent",
  "events/agent-offline.json": "AgentOfflineEvent",
  "events/agent-stalled.json": "AgentStalledEvent",
  "events/agent-recovered.json": "AgentRecoveredEvent",
  "events/agent-draining.json": "AgentDrainingEvent",
  "events/mass-expiry-suspected.json": "MassExpirySuspectedEvent",
  "events/mass-expiry-ended.json": "MassExpiryEndedEvent",
  "events/agent-message.json": "AgentMessageEvent",
};

export type SchemaFile = keyof typeof TYPES | keyof typeof EVENTS;

/** The file that describes events of a `detail-type`. */
export const eventSchemaOf = (detailType: EventDetailType) =>
  `events/${detailType.toLowerCase().replaceAll(" ", "-")}.json` as keyof typeof EVENTS;

/** Where the schemas are kept. */
export const SCHEMAS = join(ROOT, "docs/schemas");

/** The text of each schema, by the name of its file. Fields that no schema has are allowed: receivers ignore them. */
export function schemas(): Record<SchemaFile, string> {
  const generator = generatorOf("sdk/src/protocol.ts");
  const events = generatorOf("core/events.ts");
  const text = (type: string) => {
    const schema = generator.createSchema(type);
    const publish = schema.definitions?.PublishMessage;
    // The types leave both open.
    if (typeof publish === "object")
      publish.anyOf = ["subject", "to"].map((name) => ({ required: [name] }));
    return `${JSON.stringify(schema, null, 2)}\n`;
  };
  const entries = [
    ...Object.entries(TYPES).map(([file, type]) => [file, text(type)]),
    ...Object.entries(EVENTS).map(([file, type]) => [file, forEventBridge(events, type)]),
  ];
  return Object.fromEntries(entries) as Record<SchemaFile, string>;
}

const generatorOf = (path: string) =>
  createGenerator({
    path: join(ROOT, path),
    tsconfig: join(ROOT, "tsconfig.json"),
    // The types are checked where all are.
    skipTypeCheck: true,
    additionalProperties: true,
    topRef: true,
  });

/** EventBridge's schema registry takes draft 4, which has no `const`. */
function forEventBridge(generator: ReturnType<typeof generatorOf>, type: string): string {
  const schema = {
    ...generator.createSchema(type),
    $schema: "http://json-schema.org/draft-04/schema#",
  };
  const draft4 = (key: string, value: unknown) => {
    if (typeof value !== "object" || value === null || !("const" in value)) return value;
    const { const: only, ...rest } = value;
    return key === "properties" ? value : { ...rest, enum: [only] };
  };
  return `${JSON.stringify(schema, draft4, 2)}\n`;
}
