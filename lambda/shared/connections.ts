/** Posts to connections, closes them, and reads when they were last active, through the `@connections` API. */

import {
  type ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  GoneException,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import type { ServerMessage } from "../../core/protocol";

/** Whether the connection still existed. */
export type Outcome = "done" | "gone";

/** Operations on the gateway's connections. */
export interface Connections {
  /** Sends a message. */
  post(connectionId: string, message: ServerMessage): Promise<Outcome>;
  /** Ends a connection; the client sees a close. */
  close(connectionId: string): Promise<Outcome>;
  /** When a connection last received or sent something, in epoch milliseconds. */
  lastActiveAt(connectionId: string): Promise<number | "gone">;
}

export interface ConnectionClients {
  /** Tries once: a message is delivered at most once. */
  posts: () => ApiGatewayManagementApiClient;
  /** May try again. */
  control: () => ApiGatewayManagementApiClient;
}

/** Connections through API Gateway's `@connections` API. A connection that is gone is no error. */
export function gatewayConnections({ posts, control }: ConnectionClients): Connections {
  return {
    post: (ConnectionId, message) =>
      outcomeOf(
        posts().send(new PostToConnectionCommand({ ConnectionId, Data: JSON.stringify(message) })),
      ),
    close: (ConnectionId) =>
      outcomeOf(control().send(new DeleteConnectionCommand({ ConnectionId }))),
    lastActiveAt: (ConnectionId) =>
      unlessGone(
        control()
          .send(new GetConnectionCommand({ ConnectionId }))
          .then(({ LastActiveAt }) => LastActiveAt?.getTime() ?? 0),
      ),
  };
}

const outcomeOf = (call: Promise<unknown>): Promise<Outcome> =>
  unlessGone(call.then(() => "done" as const));

async function unlessGone<T>(call: Promise<T>): Promise<T | "gone"> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof GoneException) return "gone";
    throw error;
  }
}
