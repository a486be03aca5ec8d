/** An STS that answers `GetCallerIdentity` requests that are signed with credentials that it issued. */

import { createHash, createHmac, type Hash, type Hmac, randomUUID } from "node:crypto";
import type { AwsCredentials } from "@agent-heartbeat/sdk";
import { SignatureV4 } from "@smithy/signature-v4";

type Source = string | ArrayBuffer | ArrayBufferView;

const bytesOf = (source: Source): Uint8Array => {
  if (typeof source === "string") return Buffer.from(source);
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
};

/** What the signer hashes with. */
class Sha256 {
  readonly #hash: Hash | Hmac;
  constructor(secret?: Source) {
    this.#hash =
      secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(secret));
  }
  update(data: Source): void {
    this.#hash.update(bytesOf(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {}
}

interface Caller {
  arn: string;
  credentials: Required<AwsCredentials> & { sessionToken: string };
}

/**
 * What `SignatureV4` of the AWS SDK makes of a request, as a URL.
 *
 * @param headers those that are signed, beside `host`
 */
export async function presigned(
  url: URL,
  headers: Record<string, string>,
  credentials: AwsCredentials & { sessionToken: string },
  { now, expiresIn = 300, method = "GET" }: { now: number; expiresIn?: number; method?: string },
): Promise<string> {
  const [, region = ""] = url.hostname.split(".");
  const signer = new SignatureV4({ credentials, region, service: "sts", sha256: Sha256 });
  const { query = {} } = await signer.presign(
    {
      method,
      protocol: "https:",
      hostname: url.hostname,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: { host: url.host, ...headers },
    },
    { signingDate: new Date(now), expiresIn, unhoistableHeaders: new Set(Object.keys(headers)) },
  );
  return `${url.origin}${url.pathname}?${Object.entries(query)
    .map((pair) => pair.map((part) => encodeURIComponent(String(part))).join("="))
    .join("&")}`;
}

export function fakeSts() {
  const callers = new Map<string, Caller>();
  const requests: { url: string; init: RequestInit | undefined }[] = [];
  let given: (() => Response | Promise<Response>) | undefined;

  async function answer(url: URL, headers: Headers): Promise<Response> {
    const parameter = (name: string) => url.searchParams.get(`X-Amz-${name}`) ?? "";
    const [keyId = ""] = parameter("Credential").split("/");
    const caller = callers.get(keyId);
    if (!caller) return refusal("InvalidClientTokenId");
    const { credentials, arn } = caller;
    if (parameter("Security-Token") !== credentials.sessionToken) return refusal("ExpiredToken");
    const signed = parameter("SignedHeaders")
      .split(";")
      .filter((name) => name !== "host");
    const unsigned = new URL(url);
    for (const name of [...unsigned.searchParams.keys()]) {
      if (name.startsWith("X-Amz-")) unsigned.searchParams.delete(name);
    }
    const expected = await presigned(
      unsigned,
      Object.fromEntries(signed.map((name) => [name, headers.get(name) ?? ""])),
      credentials,
      {
        now: Date.parse(
          parameter("Date").replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"),
        ),
        expiresIn: Number(parameter("Expires")),
      },
    );
    const signature = new URL(expected).searchParams.get("X-Amz-Signature");
    if (parameter("Signature") !== signature) return refusal("SignatureDoesNotMatch");
    const [, , , , account] = arn.split(":");
    return identity({ Account: account, Arn: arn, UserId: "AROAEXAMPLE:session" });
  }

  return {
    /** Credentials with which a request is answered with an ARN. */
    credentialsOf(arn: string) {
      const accessKeyId = `ASIA${randomUUID().replaceAll("-", "").slice(0, 16).toUpperCase()}`;
      const secretAccessKey = randomUUID();
      const credentials = { accessKeyId, secretAccessKey, sessionToken: `${randomUUID()}/+=` };
      callers.set(accessKeyId, { arn, credentials });
      return credentials;
    },
    /** The requests so far. */
    requests,
    /** Answers in place of STS, until it is called without anything. */
    answers(answer?: () => Response | Promise<Response>): void {
      given = answer;
    },
    fetch: (async (input: string | URL | Request, init?: RequestInit) => {
      const url = new URL(String(input));
      requests.push({ url: url.href, init });
      return given ? given() : answer(url, new Headers(init?.headers));
    }) as typeof globalThis.fetch,
  };
}

/** The response of STS in JSON. */
export const identity = (result: object): Response =>
  Response.json({
    GetCallerIdentityResponse: {
      GetCallerIdentityResult: result,
      ResponseMetadata: { RequestId: randomUUID() },
    },
  });

const refusal = (Code: string): Response =>
  Response.json({ Error: { Code, Message: "refused", Type: "Sender" } }, { status: 403 });
