/**
 * Tests that the emulator can't carry, each with what it lacks. Every run fails if one names no test, and one with
 * `--all` names those whose tests have passed.
 */

export interface Gap {
  /** How the full name of the tests begins. */
  tests: string;
  /** What the emulator does otherwise than API Gateway. */
  reason: string;
}

/** Parts of the stack that are left out on the emulator. */
export const LEFT_OUT: readonly string[] = [
  "AWS::ApiGatewayV2::RouteResponse: unknown to the emulator's CloudFormation; it sends replies all the same",
  "AWS::ApiGatewayV2::Deployment: unknown to the emulator's CloudFormation; its stage deploys by itself",
  "the filter of the stream: the emulator takes an attribute that is not there for a mismatch of `exists: false`",
  "alarms: the emulator's CloudFormation refuses those that are sums of metrics",
  "dashboard: no CloudFront that serves a bucket",
  "the stack with direct heartbeats: the emulator hands messages of a WebSocket API to functions alone",
];

const A_PROCESS_EACH =
  "it starts a process for every function that runs at once: too many for one machine";
const NO_CLOSE_CODE = "`$disconnect` is not told the close code by which the client has left";

const LATE_CONNECTED_AT =
  "`connectedAt` is the time of the message, not of the connection: the older one looks newer";

export const GAPS: readonly Gap[] = [
  {
    tests: "messaging reaches 200 agents by one publish",
    reason: A_PROCESS_EACH,
  },
  {
    tests:
      "the protocol, with heartbeats by lambda refuses a login of a second process that asks to be alone by 409",
    reason: "a refusal is a 403, whatever `$connect` has answered",
  },
  {
    tests:
      "the protocol, with heartbeats by lambda closes a connection that sends 200 KB by 1009, and one that sends bytes",
    reason: "it has no limits of messages, and takes bytes for text",
  },
  {
    tests: "the protocol, with heartbeats by lambda answers the type of a system route by an error",
    reason: "a message may name `$connect` as its route, whose function answers nothing",
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
  { tests: "the fleet's watcher misses none of many that connect", reason: A_PROCESS_EACH },
  {
    tests: "presence, with heartbeats by lambda tells the older of two processes",
    reason: LATE_CONNECTED_AT,
  },
  {
    tests: "presence, with heartbeats by lambda ends the older of two processes",
    reason: LATE_CONNECTED_AT,
  },
  // Not in every run: by the millisecond, the end of the closed connection looks newer than its revocation.
  {
    tests: "presence, with heartbeats by lambda ends the connection of an agent that is disabled",
    reason: LATE_CONNECTED_AT,
  },
  {
    tests: "presence, with heartbeats by lambda hides an agent that is removed",
    reason: LATE_CONNECTED_AT,
  },
];

/** Gaps that are none any more: all of their tests were run, and none has failed. */
export const closedGaps = (failed: readonly string[]): readonly Gap[] =>
  GAPS.filter(({ tests }) => !failed.some((name) => name.startsWith(tests)));
