/** Claims of login tokens that try to be somebody else's, or to break what reads them. */

import fc from "fast-check";
import { hostileValue } from "./values";

/**
 * Some of the claims, in place of a token's own.
 *
 * @param audience the service's, and another
 */
export const hostileClaims = (audience: [own: string, other: string]) =>
  fc.record(
    {
      iss: fc.oneof(fc.constantFrom("a2", "off", "nobody"), hostileValue),
      sub: fc.oneof(fc.constantFrom("a2", "off", "nobody"), hostileValue),
      org: fc.oneof(fc.constantFrom("other", "nowhere"), hostileValue),
      aud: fc.oneof(fc.constant(audience), hostileValue),
      iat: hostileValue,
      exp: hostileValue,
      nbf: hostileValue,
      jti: hostileValue,
      heartbeat_interval: hostileValue,
      heartbeat_timeout: hostileValue,
      instance_id: hostileValue,
      on_duplicate: hostileValue,
      role: fc.constant("admin"),
    },
    { requiredKeys: [] },
  );
