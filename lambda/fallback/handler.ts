/** The `$default` route: reports what is wrong with a message that matches no other route. */

import { idOf, kindOf, MessageError, parseObject } from "../../core/client-messages";
import type { ClientMessage } from "../../core/protocol";
import { PERMISSIONS } from "../../core/roles";
import { messageRoute, type RouteDependencies } from "../shared/message-route";

const KNOWN_TYPES: ReadonlySet<string> = new Set<ClientMessage["type"]>(
  Object.values(PERMISSIONS).flat(),
);

export function fallbackHandler(route: RouteDependencies) {
  return messageRoute("$default", route, (event) => {
    const message = parseObject(event.body);
    const expected = `expected one of ${[...KNOWN_TYPES].join(", ")}`;
    if (typeof message.type !== "string") {
      const got = message.type === undefined ? "none" : kindOf(message.type);
      throw new MessageError("invalid_message", `type: ${expected}, got ${got}`, idOf(message));
    }
    const got = JSON.stringify(message.type.slice(0, 64));
    throw new MessageError("unknown_type", `type: ${expected}, got ${got}`, idOf(message));
  });
}
