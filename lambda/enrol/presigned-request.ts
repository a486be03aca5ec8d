/**
 * Reads a presigned `GetCallerIdentity` request that a client sent. What is sent to STS is built anew from its parts, so that a client
 * can make the service send no other request, and none to another host.
 */

import { FIXED_PARAMETERS, PROOF_SECONDS, queryOf, stsIn } from "../../core/aws-proof";

export interface PresignedRequest {
  /** `https://sts.<region>.<domain>/?...` */
  url: string;
  /** The partition whose STS answers. */
  partition: string;
}

/** Nothing that a URL parser could understand in two ways: no user, port, fragment, backslash, space or plus. */
const URL_FORM = /^https:\/\/([a-z0-9.-]{1,100})\/\?([\w.~%&=-]+)$/;
const CREDENTIAL = /^\w{16,128}\/(\d{8})\/([a-z0-9-]{1,40})\/sts\/aws4_request$/;
const DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** What each parameter that differs looks like. All are required: a role's credentials always have a session token. */
const PARAMETERS: Readonly<Record<string, RegExp>> = {
  "X-Amz-Credential": CREDENTIAL,
  "X-Amz-Date": DATE,
  "X-Amz-Expires": /^[1-9]\d{0,2}$/,
  "X-Amz-Security-Token": /^[\x21-\x7e]+$/,
  "X-Amz-Signature": /^[0-9a-f]{64}$/,
};

/**
 * @param now epoch milliseconds
 * @returns undefined if it is no such request, or not valid now
 */
export function readPresignedRequest(text: string, now: number): PresignedRequest | undefined {
  const [, host, query = ""] = URL_FORM.exec(text) ?? [];
  const parameters = host === undefined ? undefined : parametersIn(query);
  if (!parameters) return undefined;
  const [, day, region = ""] = CREDENTIAL.exec(parameters["X-Amz-Credential"] ?? "") ?? [];
  const sts = stsIn(region);
  if (!sts || host !== sts.host) return undefined;
  const date = parameters["X-Amz-Date"] ?? "";
  if (!date.startsWith(`${day}T`)) return undefined;
  if (!isValid(date, Number(parameters["X-Amz-Expires"]), now)) return undefined;
  return { url: `https://${sts.host}/?${queryOf(parameters)}`, partition: sts.partition };
}

/** The parameters, if they are exactly those that are expected, each once. */
function parametersIn(query: string): Record<string, string> | undefined {
  const given = [...new URLSearchParams(query)];
  const parameters = Object.fromEntries(given);
  const names = [...Object.keys(FIXED_PARAMETERS), ...Object.keys(PARAMETERS)];
  if (given.length !== names.length) return undefined;
  const fits = names.every((name) => {
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (value === undefined) return false;
    return PARAMETERS[name]?.test(value) ?? value === FIXED_PARAMETERS[name];
  });
  return fits ? parameters : undefined;
}

function isValid(date: string, expires: number, now: number): boolean {
  const at = Date.parse(date.replace(DATE, "$1-$2-$3T$4:$5:$6Z"));
  const most = PROOF_SECONDS * 1000;
  return expires <= PROOF_SECONDS && at <= now + most && now < at + expires * 1000;
}
