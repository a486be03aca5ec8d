/** Sends a presigned `GetCallerIdentity` request to STS, and reads whose it was. */

import { type AssumedRole, readAssumedRole } from "../../core/aws-role";

/** Who signed the request; `refused` if STS did not accept it, or if it was no role; `unavailable` if STS did not say. */
export type CallerAnswer =
  | { outcome: "identified"; identity: AssumedRole }
  | { outcome: "refused" | "unavailable"; reason: string };

export type AskSts = (url: string, headers: Record<string, string>) => Promise<CallerAnswer>;

export interface StsOptions {
  /** @default the runtime's */
  fetch?: typeof globalThis.fetch;
  /** Takes the requests in place of AWS, for tests and the local runtime. */
  endpoint?: string | undefined;
}

/** From the request to the last byte of the answer. */
const TIMEOUT_MS = 3000;
/** An answer of STS has some 400 bytes. */
const MOST_BYTES = 16 * 1024;

/** Never rejects. */
export function askSts({ fetch = globalThis.fetch, endpoint }: StsOptions = {}): AskSts {
  return async (url, headers) => {
    try {
      const target = endpoint ? new URL(new URL(url).search, endpoint).href : url;
      const response = await fetch(target, {
        // STS responds in JSON if asked to.
        headers: { ...headers, Accept: "application/json" },
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return answerIn(response.status, await textOf(response));
    } catch (error) {
      return { outcome: "unavailable", reason: String(error) };
    }
  };
}

function answerIn(status: number, text: string): CallerAnswer {
  if (status === 200) {
    const arn = arnIn(text);
    if (arn === undefined) return { outcome: "unavailable", reason: "an answer of another form" };
    const identity = readAssumedRole(arn);
    return identity
      ? { outcome: "identified", identity }
      : { outcome: "refused", reason: `${arn} has assumed no role` };
  }
  const code = /"Code"\s*:\s*"(\w{1,80})"/.exec(text)?.[1] ?? "";
  const reason = `status ${status} ${code}`.trim();
  const isRefusal = (status === 400 || status === 403) && !/throttl|limit/i.test(code) && code;
  return { outcome: isRefusal ? "refused" : "unavailable", reason };
}

function arnIn(text: string): string | undefined {
  try {
    const arn: unknown = JSON.parse(text).GetCallerIdentityResponse.GetCallerIdentityResult.Arn;
    return typeof arn === "string" ? arn : undefined;
  } catch {
    return undefined;
  }
}

/** @throws Error if it is too long */
async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels the rest.
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MOST_BYTES) throw new Error(`an answer of over ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
