/** AWS::Events::EventBus. */

import { arnOf, nameOf } from "./identity";
import { kind } from "./kind";

export const eventBusKind = kind((identity) => {
  const ref = nameOf(identity, "Name");
  return { ref, Name: ref, Arn: arnOf(identity, "events", `event-bus/${ref}`) };
});

/** The bus used when none is named. */
export const DEFAULT_BUS = "default";

/** The name of a bus that is given by name or by ARN. */
export function busNameOf(nameOrArn: string): string {
  return nameOrArn.slice(nameOrArn.lastIndexOf("/") + 1);
}
