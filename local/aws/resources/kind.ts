/** What the runtime must know of each type of resource. */

import type { ResourceValues } from "../template/intrinsics";
import type { Identity } from "./identity";

/** Gives a resource's values to `Ref` and `Fn::GetAtt`. */
export type Kind = (identity: Identity) => ResourceValues;

/** A kind with a fixed list of attributes. */
export function kind(
  values: (identity: Identity) => { ref: string } & Record<string, string>,
): Kind {
  return (identity) => {
    const { ref, ...attributes } = values(identity);
    return { ref, attribute: (name) => attributes[name] };
  };
}
