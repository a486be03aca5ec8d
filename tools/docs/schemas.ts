/** Generates JSON Schemas of the wire protocol from its types. */

import { join } from "node:path";
import { createGenerator } from "ts-json-schema-generator";

const ROOT = join(__dirname, "../..");

/** The types that cross the wire as a whole, by the file that describes them. */
const TYPES = {
  "from-clients.json": "ClientMessage",
  "from-the-server.json": "ServerMessage",
  "login-claims.json": "LoginClaims",
  "transition.json": "Transition",
};

export type SchemaFile = keyof typeof TYPES;

/** Where the schemas are kept. */
export const SCHEMAS = join(ROOT, "docs/schemas");

/** The text of each schema, by the name of its file. Fields that no schema has are allowed: receivers ignore them. */
export function schemas(): Record<SchemaFile, string> {
  const generator = createGenerator({
    path: join(ROOT, "core/protocol.ts"),
    tsconfig: join(ROOT, "tsconfig.json"),
    // The types are checked where all are.
    skipTypeCheck: true,
    additionalProperties: true,
    topRef: true,
  });
  const text = (type: string) => {
    const schema = generator.createSchema(type);
    const publish = schema.definitions?.PublishMessage;
    // The types leave both open.
    if (typeof publish === "object")
      publish.anyOf = ["subject", "to"].map((name) => ({ required: [name] }));
    return `${JSON.stringify(schema, null, 2)}\n`;
  };
  const entries = Object.entries(TYPES).map(([file, type]) => [file, text(type)]);
  return Object.fromEntries(entries) as Record<SchemaFile, string>;
}
