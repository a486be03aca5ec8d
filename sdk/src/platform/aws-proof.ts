/** Signs the request by which an agent on AWS proves which IAM role it has. Only the service that it is made for can use it. */

import { createHash, createHmac } from "node:crypto";
import {
  BINDING_HEADER,
  bindingValue,
  FIXED_PARAMETERS,
  PROOF_SECONDS,
  type ProofBinding,
  queryOf,
  stsIn,
} from "../../../core/aws-proof";
import { ConfigurationError, KeyError } from "../errors";
import { describe, show } from "../user-code";

/** Credentials of an IAM role, as the AWS SDK's providers resolve them. */
export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  /** Every role's credentials have one. */
  sessionToken?: string | undefined;
}

/** By which role an agent registers itself. */
export interface AwsIdentity {
  /** The role's credentials, or a function that gets them: `fromNodeProviderChain()` of `@aws-sdk/credential-providers`. */
  credentials: AwsCredentials | (() => AwsCredentials | Promise<AwsCredentials>);
  /** The region whose STS is asked. @default the environment variable `AWS_REGION` or `AWS_DEFAULT_REGION` */
  region?: string | undefined;
}

/** Makes a proof for a key of an agent. Rejects with KeyError if there are no usable credentials. */
export type ProofMaker = (binding: ProofBinding) => Promise<{ audience: string; url: string }>;

/**
 * @param now epoch milliseconds
 * @throws ConfigurationError if there is no region, or something is of another form
 */
export function proofMaker({ credentials, region }: AwsIdentity, now: () => number): ProofMaker {
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
  const given = region ?? (AWS_REGION || AWS_DEFAULT_REGION);
  const sts = typeof given === "string" ? stsIn(given) : undefined;
  if (given === undefined || !sts) {
    throw new ConfigurationError(
      `option awsIdentity.region: expected a region such as eu-west-1, got ${show(given)}`,
    );
  }
  const isFunction = typeof credentials === "function";
  if (!isFunction && (typeof credentials !== "object" || credentials === null)) {
    throw new ConfigurationError(
      `option awsIdentity.credentials: expected credentials or a function, got ${show(credentials)}`,
    );
  }
  return async (binding) => {
    let found: AwsCredentials;
    try {
      found = isFunction ? await credentials() : credentials;
    } catch (cause) {
      throw new KeyError(`awsIdentity.credentials failed: ${describe(cause)}`, { cause });
    }
    const { host } = sts;
    const url = presignedUrl(usable(found), { region: given, host, binding }, now());
    return { audience: binding.audience, url };
  };
}

/** The values are never repeated in a message. */
function usable(found: AwsCredentials): Required<AwsCredentials> & { sessionToken: string } {
  const { accessKeyId, secretAccessKey, sessionToken } = found ?? {};
  if (accessKeyId && secretAccessKey && sessionToken) {
    return { accessKeyId, secretAccessKey, sessionToken };
  }
  throw new KeyError(
    "awsIdentity.credentials: expected accessKeyId, secretAccessKey and the sessionToken that credentials of a role have, got less",
  );
}

interface Target {
  region: string;
  host: string;
  binding: ProofBinding;
}

/** AWS Signature Version 4, in the query (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). */
function presignedUrl(
  { accessKeyId, secretAccessKey, sessionToken }: Required<AwsCredentials>,
  { region, host, binding }: Target,
  now: number,
): string {
  const date = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = [date.slice(0, 8), region, "sts", "aws4_request"];
  const parameters = {
    ...FIXED_PARAMETERS,
    "X-Amz-Credential": [accessKeyId, ...scope].join("/"),
    "X-Amz-Date": date,
    "X-Amz-Expires": String(PROOF_SECONDS),
    "X-Amz-Security-Token": String(sessionToken),
  };
  const query = queryOf(parameters);
  const request = [
    "GET",
    "/",
    query,
    `host:${host}`,
    `${BINDING_HEADER}:${bindingValue(binding)}`,
    "",
    FIXED_PARAMETERS["X-Amz-SignedHeaders"],
    sha256(""),
  ].join("\n");
  const toSign = [FIXED_PARAMETERS["X-Amz-Algorithm"], date, scope.join("/"), sha256(request)];
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  const signature = hmac(key, toSign.join("\n")).toString("hex");
  return `https://${host}/?${query}&X-Amz-Signature=${signature}`;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac("sha256", key).update(text).digest();
