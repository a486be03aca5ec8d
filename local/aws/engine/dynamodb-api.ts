/** Forwards calls of DynamoDB and DynamoDB Streams from the runtime's port to the engine. */

import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { type HttpHandler, respond } from "../http";

/** Headers to forward in both directions. Headers about origins and CORS are dropped. */
const PASSED_ON = /^(content-|x-amz|x-dynoxide|authorization$|amz-sdk-|accept|user-agent$)/;

const passedOn = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => PASSED_ON.test(name)));

export interface DynamoDbApi {
  handle: HttpHandler;
  close(): void;
}

/** Calls are recognized by their operation, because they have no specific path. */
export function dynamoDbApi(endpoint: string): DynamoDbApi {
  const agent = new Agent({ keepAlive: true });
  return {
    handle(incoming, response) {
      const target = String(incoming.headers["x-amz-target"] ?? "");
      if (!/^DynamoDB(Streams)?_\d+\./.test(target)) return false;
      const { method, headers } = incoming;
      const call = request(endpoint, { method, agent, headers: passedOn(headers) }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, passedOn(answer.headers));
        answer.on("error", () => response.destroy()).pipe(response);
      });
      call.on("error", ({ message }) => {
        if (response.headersSent) return response.destroy();
        respond(response, 500, { __type: "com.amazonaws.dynamodb#InternalServerError", message });
      });
      response.on("close", () => call.destroy());
      incoming.pipe(call);
      return true;
    },
    close: () => agent.destroy(),
  };
}
