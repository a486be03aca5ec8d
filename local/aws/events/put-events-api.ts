/** The part of EventBridge's API that functions use: PutEvents in the AWS JSON 1.1 protocol. */

import { type HttpHandler, readBody, respond } from "../http";
import type { EventBuses, PutEventsEntry } from "./event-bus";

/** The API's path on the runtime's server. */
export const EVENTS_PATH = "/_aws/events";

const MAX_ENTRIES = 10;
const MAX_BYTES = 1024 * 1024;

export function putEventsApi(buses: EventBuses): HttpHandler {
  return (request, response) => {
    if (!request.url?.startsWith(EVENTS_PATH)) return false;
    void (async () => {
      const fail = (type: string, message: string) =>
        respond(response, 400, { __type: type, message });
      const target = String(request.headers["x-amz-target"]);
      if (target !== "AWSEvents.PutEvents") {
        return fail("UnknownOperationException", `Expected AWSEvents.PutEvents, got ${target}`);
      }
      const body = await readBody(request, MAX_BYTES);
      const entries = parseEntries(body);
      if (!entries || entries.length === 0 || entries.length > MAX_ENTRIES) {
        return fail("ValidationException", `Expected 1 to ${MAX_ENTRIES} Entries in at most 1 MB`);
      }
      const results = entries.map((entry) => buses.put(entry));
      const FailedEntryCount = results.filter((result) => "ErrorCode" in result).length;
      return respond(response, 200, { FailedEntryCount, Entries: results });
    })();
    return true;
  };
}

function parseEntries(body: string | undefined): PutEventsEntry[] | undefined {
  try {
    const { Entries } = JSON.parse(body ?? "") as { Entries?: unknown };
    return Array.isArray(Entries) ? (Entries as PutEventsEntry[]) : undefined;
  } catch {
    return undefined;
  }
}
