/**
 * Makes the reply to a heartbeat of DynamoDB's answer, in API Gateway's template language: the answers of
 * `lambda/heartbeat/handler.ts`. It is one line, for whitespace would be sent where there is nothing to say.
 */

import { INTERNAL, REVOKED, SUPERSEDED } from "../../lambda/shared/replies";
import { FIELDS, faultOf } from "./fields";
import { TIMES, UNWRITTEN } from "./request-template";

const SILENT = "";

export function responseTemplate(): string {
  return [
    TIMES,
    "#set($answer = $input.path('$'))",
    '#if($answer.containsKey("__type"))',
    '#set($type = $answer.get("__type"))',
    '#if($type.contains("ConditionalCheckFailed") && $answer.containsKey("Item"))',
    lost(),
    '#elseif($type.contains("ValidationException") && $answer.containsKey("message"))',
    refused(),
    `#{else}${JSON.stringify(INTERNAL)}`,
    "#end",
    "#{else}",
    written(),
    "#end",
  ].join("");
}

/** `ReturnValues` of the request say what was asked for: nothing back for an ack without an id. */
function written(): string {
  const id = "$input.json('$.Attributes.messageId.S')";
  return [
    '#if($answer.containsKey("Attributes"))',
    '#set($attributes = $answer.get("Attributes"))',
    `#if($attributes.containsKey("messageId"))${ack("$leaseExpiresAt", id)}#{else}${SILENT}#end`,
    `#{else}${ack("$leaseExpiresAt")}`,
    "#end",
  ].join("");
}

/** The row belongs to another connection, or to none: DynamoDB says to which. */
function lost(): string {
  const own = "$row.connectionId.S == $context.connectionId";
  return [
    '#set($row = $answer.get("Item"))',
    // Overtaken by a later heartbeat of the same connection.
    `#if(${own} && !$row.containsKey("disconnectedAt"))${ack("$row.leaseExpiresAt.N")}`,
    `#elseif($row.containsKey("reason") && $row.reason.S == "revoked")${JSON.stringify(REVOKED)}`,
    `#elseif(${own})${SILENT}`,
    `#elseif($row.instanceId.S == $context.authorizer.instanceId)${ack("$row.leaseExpiresAt.N")}`,
    `#{else}${JSON.stringify(SUPERSEDED)}`,
    "#end",
  ].join("");
}

/** The request was made to be refused: the name of an unused value says why. */
function refused(): string {
  const said = (name: string) => `$why.contains(":${name}")`;
  const faults = FIELDS.map((field) => {
    const message = `${field.path}: expected ${field.expected}`;
    const error = JSON.stringify({ type: "error", code: "invalid_message", message });
    return `#elseif(${said(faultOf(field))})${error}`;
  });
  return [
    '#set($why = $answer.get("message"))',
    `#if(${said(UNWRITTEN.silent)})${SILENT}`,
    `#elseif(${said(UNWRITTEN.acknowledged)})${ack("$leaseExpiresAt")}`,
    ...faults,
    `#{else}${JSON.stringify(INTERNAL)}`,
    "#end",
  ].join("");
}

function ack(leaseExpiresAt: string, id?: string): string {
  return [
    `{"type":"heartbeat_ack","serverTime":$now,"leaseExpiresAt":${leaseExpiresAt}`,
    '#if($context.authorizer.intervalAdvised == "true")',
    // Seconds, with three digits after the point: Java divides whole numbers without them.
    '#set($intervalMs = $long.parseLong("$context.authorizer.heartbeatIntervalMs"))',
    "#set($millis = $intervalMs % 1000)#set($whole = $intervalMs - $millis)",
    "#set($seconds = $whole / 1000)#set($padded = 1000 + $millis)",
    '#set($padded = "$padded")#set($fraction = $padded.substring(1))',
    `,"heartbeatInterval":\${seconds}.\${fraction}`,
    "#end",
    // Absent on connections from before an update of the authorizer; 0 for no advice.
    '#set($window = "$!context.authorizer.reconnectWindowMs")',
    '#if($window.matches("[1-9][0-9]*")),"reconnectWindowMs":$window#end',
    ...(id === undefined ? [] : [`,"id":${id}`]),
    "}",
  ].join("");
}
