/**
 * End-to-end tests that the emulator can't pass, each with the reason. Every run checks that the
 * list is exact.
 */

export interface Gap {
  /** The beginning of the tests' full names. */
  tests: string;
  /** How the emulator differs from API Gateway. */
  reason: string;
}

/** Parts of the stack that are not deployed to the emulator. */
export const EXCLUDED_PARTS: readonly string[] = [
  "AWS::ApiGatewayV2::RouteResponse: not supported by the emulator's CloudFormation, which sends replies anyway",
  "the stream filter: the emulator does not match `exists: false` on a missing attribute",
  "alarms: the emulator's CloudFormation rejects metric math",
  "dashboard: the emulator's CloudFront does not serve buckets",
  "the stack with direct heartbeats: the emulator hands messages of a WebSocket API to functions alone",
];

const PROCESS_PER_FUNCTION =
  "it starts a process for every concurrent function: too many for one machine";
const NO_CLOSE_CODE = "`$disconnect` does not receive the client's close code";

const LATE_CONNECTED_AT =
  "`connectedAt` is the time of the message instead of the connection, so the older connection looks newer";

export const GAPS: readonly Gap[] = [
  {
    tests: "messaging reaches 200 agents by one publish",
    reason: PROCESS_PER_FUNCTION,
  },
  {
    tests:
      "the protocol, with heartbeats by lambda refuses a login of a second process that asks to be alone by 409",
    reason: "every rejection is a 403, whatever `$connect` returns",
  },
  {
    tests:
      "the protocol, with heartbeats by lambda closes a connection that sends 200 KB by 1009, and one that sends bytes",
    reason: "it has no message size limit, and treats binary frames as text",
  },
  {
    tests: "the protocol, with heartbeats by lambda answers the type of a system route by an error",
    reason: "a message can invoke the route `$connect`, whose function returns nothing",
  },
  {
    tests: "presence, with heartbeats by lambda shows an agent that was asked to end as drained",
    reason: NO_CLOSE_CODE,
  },
  {
    tests:
      "presence, with heartbeats by lambda keeps an agent online when its old connection closes after it has reconnected",
    reason: NO_CLOSE_CODE,
  },
  { tests: "the example ", reason: NO_CLOSE_CODE },
  { tests: "messaging tells a viewer every transition of an agent", reason: NO_CLOSE_CODE },
  { tests: "the fleet's watcher has agents that were there", reason: NO_CLOSE_CODE },
  { tests: "the fleet's watcher misses none of many that connect", reason: PROCESS_PER_FUNCTION },
  {
    tests: "presence, with heartbeats by lambda tells the older of two processes",
    reason: LATE_CONNECTED_AT,
  },
  {
    tests: "presence, with heartbeats by lambda ends the older of two processes",
    reason: LATE_CONNECTED_AT,
  },
];
