/** A heartbeat without a function: the templates of the stack, run as the local gateway runs them. */

import { requestTemplate } from "../lib/direct-heartbeat/request-template";
import { responseTemplate } from "../lib/direct-heartbeat/response-template";
import { openWire, type WireAnswer } from "../local/aws/engine/wire";
import { serviceIntegration } from "../local/aws/gateway/service-integration";
import type { Engine } from "./engine";
import type { routeEvent } from "./presence";

type Request = Record<string, unknown>;

export interface DirectHeartbeat {
  /** What the client gets; undefined for nothing. */
  beat(event: ReturnType<typeof routeEvent>): Promise<unknown>;
  /** What DynamoDB was asked last. */
  lastRequest(): Request;
  close(): void;
}

/** @param relay hands a request on to DynamoDB, and its answer back */
export function directHeartbeat(
  { endpoint, statusTableName }: Pick<Engine, "endpoint" | "statusTableName">,
  retentionMs: number,
  relay = (request: Request, ask: (request: Request) => Promise<WireAnswer>) => ask(request),
): DirectHeartbeat {
  const wire = openWire(endpoint, "us-east-1");
  let request: Request = {};
  const integration = serviceIntegration(
    {
      kind: "service",
      service: "dynamodb",
      action: "UpdateItem",
      requestTemplate: requestTemplate({ tableName: statusTableName, retentionMs }),
      responseTemplate: responseTemplate(),
      timeoutMs: 29_000,
    },
    async (_, action, body) => {
      request = JSON.parse(body) as Request;
      return relay(request, (asked) =>
        wire.call(`DynamoDB_20120810.${action}`, JSON.stringify(asked)),
      );
    },
  );
  return {
    async beat(event) {
      const { body } = await integration(event);
      return body === "" || body === undefined ? undefined : JSON.parse(body);
    },
    lastRequest: () => request,
    close: () => wire.close(),
  };
}
