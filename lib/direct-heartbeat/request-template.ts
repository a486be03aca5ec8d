/**
 * Makes an UpdateItem of a heartbeat, in API Gateway's template language: the write of `lambda/lease/store.ts`.
 *
 * A template can't answer by itself, and the template of the answer does not see the message. So what it must
 * know travels through DynamoDB: in `ReturnValues`, and, where nothing may be written, in the name of a value that no
 * expression uses, which DynamoDB refuses, naming it, at no charge.
 */

import { mayRenew } from "../../lambda/lease/conditions";
import { alive } from "../../lambda/lease/updates";
import { ACTIVITY, ACTIVITY_FIELDS, type Field, faultOf, MESSAGE_FIELDS, STATE } from "./fields";

/** Names of values that tell the template of the answer what a refused request was. */
export const UNWRITTEN = { acknowledged: "viewer_wants_ack", silent: "viewer_wants_none" } as const;

/** Attributes that are kept where a message has them, in the order in which the store names them. */
const OPTIONAL = ["activity", "stallsAt", "messageId"] as const;

/** Holds for no row at all, should DynamoDB ever come to it. */
const NEVER = "attribute_exists(organizationId) AND attribute_not_exists(organizationId)";

export interface RequestTemplateOptions {
  tableName: string;
  retentionMs: number;
}

/** Where `$context` has its times and terms: as numbers, for all are texts or may be. */
export const TIMES = [
  // Any Long has the static methods of its class; this one is too large for an Integer.
  "#set($long = 9999999999)",
  '#set($now = $long.parseLong("$context.requestTimeEpoch"))',
  '#set($leaseMs = $long.parseLong("$context.authorizer.leaseMs"))',
  "#set($leaseExpiresAt = $now + $leaseMs)",
].join("");

export function requestTemplate({ tableName, retentionMs }: RequestTemplateOptions): string {
  return [
    // A # begins a directive of the template language.
    "#set($hash = '#')",
    TIMES,
    "#set($message = $input.path('$'))",
    '#set($fault = "")',
    ...flags(),
    ...MESSAGE_FIELDS.map((field) => ifPresent("$message", field.path, check(field))),
    // Kept for the reply alone.
    "#if($has_silent)#set($has_messageId = false)#end",
    ifPresent("$message", "activity", activity()),
    "{",
    `"TableName": "${tableName}",`,
    `"Key": {"organizationId": {"S": "$context.authorizer.organizationId"}, "agentId": {"S": "$context.authorizer.agentId"}},`,
    '#if($fault != "")',
    unwritten("$fault"),
    '#elseif($context.authorizer.role != "agent")',
    "#if($has_silent)",
    unwritten(UNWRITTEN.silent),
    "#else",
    unwritten(UNWRITTEN.acknowledged),
    "#end",
    "#else",
    ...write(retentionMs),
    "#end",
    "}",
  ].join("\n");
}

function flags(): string[] {
  return [...OPTIONAL, "silent"].map((name) => `#set($has_${name} = false)`);
}

/** Judges one field that is there: `$fault` names the first that is wrong. */
function check(field: Field): string {
  const owner = field.path.startsWith("activity.") ? "$activity" : "$message";
  const name = field.path.replace("activity.", "");
  const { path } = field;
  return [
    `#set($raw = $input.json('$.${path}'))#set($value = ${owner}.get("${name}"))`,
    `#if($fault == "" && (${field.isWrong}))#set($fault = "${faultOf(field)}")#end`,
    ...(path === "id" ? ["#set($has_messageId = true)"] : []),
    ...(path === "ack" ? ['#if($raw == "false")#set($has_silent = true)#end'] : []),
  ].join("\n");
}

function activity(): string {
  return [
    check(ACTIVITY),
    '#if($fault == "")',
    "#set($has_activity = true)",
    '#set($activity = $message.get("activity"))',
    '#if($activity.containsKey("state"))',
    check(STATE),
    "#else",
    `#set($fault = "${faultOf(STATE)}")`,
    "#end",
    ...ACTIVITY_FIELDS.map((field) => ifPresent("$activity", field.name, check(field))),
    "#end",
    // When work that is not heard of again counts as stalled. Progress can't lie in the future.
    '#if($fault == "" && $activity.get("state") == "working" && $activity.containsKey("maxSilenceMs"))',
    "#set($advancedAt = $now)",
    '#if($activity.containsKey("progressAt"))',
    "#set($advancedAt = $long.parseLong($input.json('$.activity.progressAt')))",
    '#elseif($activity.containsKey("startedAt"))',
    "#set($advancedAt = $long.parseLong($input.json('$.activity.startedAt')))",
    "#end",
    "#if($advancedAt > $now)#set($advancedAt = $now)#end",
    "#set($maxSilenceMs = $long.parseLong($input.json('$.activity.maxSilenceMs')))",
    "#set($stallsAt = $advancedAt + $maxSilenceMs)",
    "#set($has_stallsAt = true)",
    "#end",
  ].join("\n");
}

const ifPresent = (map: string, key: string, then: string) =>
  `#if(${map}.containsKey("${key}"))\n${then}\n#end`;

/** A request that DynamoDB refuses, and that would write nothing if it did not. */
function unwritten(code: string): string {
  return [
    '"UpdateExpression": "REMOVE reason",',
    `"ConditionExpression": "${NEVER}",`,
    `"ExpressionAttributeValues": {":${code}": {"S": "-"}}`,
  ].join("\n");
}

function write(retentionMs: number): string[] {
  const set = OPTIONAL.map((name) => `#if($has_${name}), ${name} = :${name}#end`).join("");
  const remove = OPTIONAL.map((name) => `#if(!$has_${name}), ${name}#end`).join("");
  return [
    // Whole seconds, rounded up. The rest is taken off first: then dividing leaves none, in any engine.
    `#set($atLeast = $leaseExpiresAt + ${retentionMs + 999})#set($rest = $atLeast % 1000)`,
    "#set($whole = $atLeast - $rest)#set($ttlEpochSeconds = $whole / 1000)",
    `"UpdateExpression": "SET ${verbatim(alive("goesOn"))}${set} REMOVE reason, disconnectedAt, displacedAt${remove}",`,
    `"ConditionExpression": "${verbatim(mayRenew("goesOn"))}",`,
    `"ExpressionAttributeNames": {"${verbatim("#status")}": "status"},`,
    '"ExpressionAttributeValues": {',
    '":online": {"S": "online"},',
    '":connectionId": {"S": "$context.connectionId"},',
    '":connectedAt": {"N": "$context.connectedAt"},',
    `":entry": {"S": "\${context.connectionId}.$context.authorizer.keyTag"},`,
    '":now": {"N": "$now"},',
    '":leaseExpiresAt": {"N": "$leaseExpiresAt"},',
    '":leaseMs": {"N": "$leaseMs"},',
    '":heartbeatIntervalMs": {"N": "$context.authorizer.heartbeatIntervalMs"},',
    '":ttlEpochSeconds": {"N": "$ttlEpochSeconds"}',
    "#if($has_activity)",
    `,":activity": {"M": {"state": {"S": $input.json('$.activity.state')}`,
    ...ACTIVITY_FIELDS.map(activityValue),
    "}}",
    "#end",
    '#if($has_stallsAt),":stallsAt": {"N": "$stallsAt"}#end',
    `#if($has_messageId),":messageId": {"S": $input.json('$.id')}#end`,
    "},",
    // What comes back tells the template of the answer whether there is an id to echo, or nothing to say.
    '"ReturnValues": "#if($has_messageId || $has_silent)UPDATED_NEW#{else}NONE#end",',
    '"ReturnValuesOnConditionCheckFailure": "ALL_OLD"',
  ];
}

function activityValue({ name, kept }: { name: string; kept: "S" | "N" }): string {
  const json = `$input.json('$.activity.${name}')`;
  const value = kept === "S" ? json : `"${json}"`;
  return `#if($activity.containsKey("${name}")),"${name}": {"${kept}": ${value}}#end`;
}

/** A text that comes out of the template as it is. */
const verbatim = (text: string) => text.replaceAll("#", `\${hash}`);
