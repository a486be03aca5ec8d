/** The answer to a heartbeat. */

import type { HeartbeatAckMessage } from "../../core/protocol";
import type { Identity } from "../shared/identity";
import type { Renewal } from "./holder";

/** What every ack has, whatever carried the heartbeat. */
export const heartbeatAck = (
  serverTime: number,
  { leaseExpiresAt, lastHeartbeatAt }: Renewal,
  {
    intervalAdvised,
    heartbeatIntervalMs,
  }: Pick<Identity, "intervalAdvised" | "heartbeatIntervalMs">,
): HeartbeatAckMessage => ({
  type: "heartbeat_ack",
  serverTime,
  leaseExpiresAt,
  ...(lastHeartbeatAt !== serverTime && { fencingToken: lastHeartbeatAt }),
  ...(intervalAdvised && { heartbeatInterval: heartbeatIntervalMs / 1000 }),
});
