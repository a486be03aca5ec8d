/** The interface through which the runtime knows each resource type. */

import type { ResourceValues } from "../template/intrinsics";
import type { Identity } from "./identity";

/** Provides a resource's values for `Ref` and `Fn::GetAtt`. */
export type Kind = (identity: Identity) => ResourceValues;

/** A resource type with a fixed list of attributes. */
export function kind(
  values: (identity: Identity) => { ref: string } & Record<string, string>,
): Kind {
  return (identity) => {
    const { ref, ...attributes } = values(identity);
    return { ref, attribute: (name) => attributes[name] };
  };
}
