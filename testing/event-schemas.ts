/** Judges events by the schemas that are published. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";

const FOLDER = join(__dirname, "../docs/schemas/events");
const compiled = new Map<string, ValidateFunction>();

/** What is wrong with an event, in the schema's words; undefined if nothing. */
export function eventFault(event: { "detail-type": string }): string | undefined {
  const file = `${event["detail-type"].toLowerCase().replaceAll(" ", "-")}.json`;
  const known = compiled.get(file);
  // What a schema of draft 4 has here means the same in draft 7, which Ajv reads.
  const { $schema: _, ...schema } = JSON.parse(readFileSync(join(FOLDER, file), "utf8"));
  const ajv = new Ajv({ strict: false });
  const validate = known ?? ajv.compile(schema);
  compiled.set(file, validate);
  return validate(event) ? undefined : ajv.errorsText(validate.errors);
}

/** What is wrong with an entry that was put on the bus. */
export function entryFault(entry: {
  Source?: string | undefined;
  DetailType?: string | undefined;
  Detail?: string | undefined;
}): string | undefined {
  return eventFault({
    version: "0",
    id: "1",
    source: entry.Source,
    "detail-type": entry.DetailType ?? "",
    account: "123456789012",
    time: "2026-01-01T00:00:00Z",
    region: "eu-central-1",
    resources: [],
    detail: JSON.parse(entry.Detail ?? ""),
  } as { "detail-type": string });
}
