/**
 * Reads a presigned `GetCallerIdentity` request that a client sent. The request to STS is rebuilt from its parts, so that a client
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
 * @returns a text, for the log, if it is no such request, or not valid now
 */
export function readPresignedRequest(text: string, now: number): PresignedRequest | string {
  const [, host, query = ""] = URL_FORM.exec(text) ?? [];
  if (host === undefined) return "a proof whose URL is not https://<host>/?<parameters>";
  const parameters = parametersIn(query);
  if (!parameters) return "a proof with other parameters than docs/protocol.md has";
  const [, day, region = ""] = CREDENTIAL.exec(parameters["X-Amz-Credential"] ?? "") ?? [];
  const sts = stsIn(region);
  if (!sts) return `a proof for the region ${region}`;
  // The global host, and those of FIPS and of dual stack, too.
  if (host !== sts.host) return `a proof for the host ${host}, expected ${sts.host}`;
  const date = parameters["X-Amz-Date"] ?? "";
  const expires = Number(parameters["X-Amz-Expires"]);
  const isOfDay = date.startsWith(`${day}T`);
  if (!isOfDay || !isValid(date, expires, now)) {
    return `a proof of ${date} for ${expires} s, expected one that is valid now, for at most ${PROOF_SECONDS} s`;
  }
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
