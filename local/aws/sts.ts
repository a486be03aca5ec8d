/**
 * A stand-in for STS: answers `GetCallerIdentity` to whoever brings the ARN that they want to be as their session token. Signatures are
 * not checked.
 */

import { type HttpHandler, respond } from "./http";

/** The API's path on the runtime's server. */
export const STS_PATH = "/_aws/sts";

const CALLER = /^arn:aws[\w-]*:sts::(\d{12}):assumed-role\/[\w+=,.@-]{1,64}\/([\w+=,.@-]{2,64})$/;

export const stsApi: HttpHandler = (request, response) => {
  if (!request.url?.startsWith(`${STS_PATH}?`)) return false;
  const { searchParams } = new URL(request.url, "http://localhost");
  const refuse = (Code: string, Message: string) =>
    respond(response, 403, { Error: { Type: "Sender", Code, Message } });
  if (request.method !== "GET" || searchParams.get("Action") !== "GetCallerIdentity") {
    refuse("AccessDenied", "Expected a presigned GET of GetCallerIdentity");
    return true;
  }
  const Arn = searchParams.get("X-Amz-Security-Token") ?? "";
  const [, Account, session] = CALLER.exec(Arn) ?? [];
  if (Account === undefined) {
    const form = "arn:aws:sts::<account>:assumed-role/<role>/<session>";
    refuse("InvalidClientTokenId", `Expected ${form} as session token: this is no AWS`);
    return true;
  }
  const GetCallerIdentityResult = { Account, Arn, UserId: `AROALOCAL:${session}` };
  respond(response, 200, { GetCallerIdentityResponse: { GetCallerIdentityResult } });
  return true;
};
