/** AWS::Events::EventBus: a name, under which rules and senders meet. */

import { arnOf, nameOf } from "./identity";
import { kind } from "./kind";

export const eventBusKind = kind((identity) => {
  const ref = nameOf(identity, "Name");
  return { ref, Name: ref, Arn: arnOf(identity, "events", `event-bus/${ref}`) };
});

/** The bus of rules and events that name none. */
export const DEFAULT_BUS = "default";

/** The name of a bus that is given by name or ARN. */
export function busNameOf(nameOrArn: string): string {
  return nameOrArn.slice(nameOrArn.lastIndexOf("/") + 1);
}
