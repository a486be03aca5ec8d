/** Records the AWS calls that functions of a local runtime in this process make, and which function signed each. */

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { readBody } from "../../local/aws/http";

/** A call: the action that a policy must allow, and the environment variable that names its resource. */
export interface AwsCall {
  /** The function's folder, for example `heartbeat`. */
  caller: string;
  /** For example `dynamodb:UpdateItem`. */
  action: string;
  /** For example `STATUS_TABLE_NAME`, with the index that is read, or the method of a connection. */
  on: string;
}

/** The parts of a request to DynamoDB that name tables. */
interface CallInput {
  TableName?: string;
  IndexName?: string;
  RequestItems?: object;
  TransactItems?: Record<string, { TableName: string }>[];
}

const MAX_BYTES = 20 * 1024 * 1024;

export interface Recorder {
  /** The DynamoDB endpoint for the functions. */
  endpoint: string;
  /** The calls so far, each kind once, sorted. */
  calls(): AwsCall[];
  stop(): void;
}

/** @param variableOf the environment variable that names a table */
export async function startRecorder(
  engine: string,
  variableOf: (table: string) => string,
): Promise<Recorder> {
  const seen = new Map<string, AwsCall>();
  const add = (call: AwsCall) => seen.set(JSON.stringify(call), call);

  const server = createServer(async (incoming, response) => {
    const body = (await readBody(incoming, MAX_BYTES)) ?? "";
    const [, operation = ""] = String(incoming.headers["x-amz-target"]).split(".");
    const caller = callerOf(incoming);
    const input = JSON.parse(body || "{}") as CallInput;
    for (const [action, table] of caller ? accesses(operation, input) : []) {
      const on = [variableOf(table), input.IndexName].filter(Boolean).join("/");
      add({ caller: caller as string, action: `dynamodb:${action}`, on });
    }
    const { method, headers, url } = incoming;
    const forwarded = request(`${engine}${url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    forwarded.on("error", () => response.destroy());
    forwarded.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const onRequest = (message: unknown) => {
    const { request: incoming } = message as { request: IncomingMessage };
    const caller = callerOf(incoming);
    const { url = "", method = "" } = incoming;
    if (!caller) return;
    if (url.includes("/@connections/")) {
      add({ caller, action: "execute-api:ManageConnections", on: `CALLBACK_URL/${method}` });
    } else if (String(incoming.headers["x-amz-target"]) === "AWSEvents.PutEvents") {
      add({ caller, action: "events:PutEvents", on: "EVENT_BUS_NAME" });
    }
  };
  subscribe("http.server.request.start", onRequest);
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => [...seen.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, call]) => call),
    stop() {
      unsubscribe("http.server.request.start", onRequest);
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The function that signed a call, by its access key. Tests and the runtime itself sign as `local`. */
function callerOf({ headers }: IncomingMessage): string | undefined {
  const [, key] = /Credential=([^/]+)\//.exec(headers.authorization ?? "") ?? [];
  return key === "local" ? undefined : key;
}

/** What a policy has to allow for a call, and on which tables: a transaction needs the permissions of its writes. */
function accesses(operation: string, input: CallInput): [action: string, table: string][] {
  if (operation === "TransactWriteItems") {
    return (input.TransactItems ?? []).flatMap((item) =>
      Object.entries(item).map(([write, { TableName }]): [string, string] => [
        `${write}Item`,
        TableName,
      ]),
    );
  }
  const tables = [input.TableName, ...Object.keys(input.RequestItems ?? {})];
  return tables.flatMap((table): [string, string][] => (table ? [[operation, table]] : []));
}
