/** Requests to the function URL, and what they are answered. */

import { MessageError } from "../../core/client-messages";

/** An event of a function URL in payload format 2.0, as far as it is used. */
export interface HttpEvent {
  /** Percent-encoded, as the client has sent it. */
  rawPath: string;
  rawQueryString?: string;
  /** By names in lower case. */
  headers: Record<string, string | undefined>;
  body?: string | null;
  isBase64Encoded?: boolean;
  requestContext: {
    domainName: string;
    requestId: string;
    /** When the request came, in epoch milliseconds. */
    timeEpoch: number;
    http: { method: string };
  };
}

export interface HttpResult {
  statusCode: number;
  headers?: Record<string, string>;
  body?: string;
}

/** A request that is refused. Its text is meant for the client. */
export class HttpError extends Error {
  override name = "HttpError";

  constructor(
    readonly statusCode: number,
    message: string,
    readonly details: { headers?: Record<string, string>; type?: string } & ErrorOptions = {},
  ) {
    super(message, details);
  }
}

/** The largest body that is read, in bytes. */
export const MAX_BODY_BYTES = 16 * 1024;

/** Answers with JSON that no cache keeps. */
export const respond = (
  statusCode: number,
  body?: object,
  headers: Record<string, string> = {},
): HttpResult => ({
  statusCode,
  headers: {
    "Cache-Control": "no-store",
    ...(body && { "Content-Type": "application/json" }),
    ...headers,
  },
  ...(body && { body: JSON.stringify(body) }),
});

/**
 * The token in the header `Authorization: Bearer <token>`.
 *
 * @throws HttpError (401) if there is no token
 */
export function bearerToken({ headers }: HttpEvent): string {
  const [, token] = /^bearer +([\w.~+/=-]+)$/i.exec(headers.authorization?.trim() ?? "") ?? [];
  if (token !== undefined) return token;
  throw new HttpError(401, "The header Authorization: expected Bearer and a token", {
    headers: { "WWW-Authenticate": "Bearer" },
  });
}

/** The URLs of the deployment, for which a token or a proof may be made. */
export const audiencesOf = (
  { requestContext: { domainName } }: HttpEvent,
  customUrl: string | undefined,
): string[] => [
  `https://${domainName}`,
  // A function URL has no plain HTTP: only the local runtime does.
  `http://${domainName}`,
  ...(customUrl ? [customUrl] : []),
];

/**
 * The body as text; empty if there is none.
 *
 * @throws HttpError (413, 400) if it is too large, or not UTF-8
 */
export function bodyOf({ body, isBase64Encoded }: HttpEvent): string {
  const bytes = Buffer.from(body ?? "", isBase64Encoded ? "base64" : "utf8");
  if (bytes.length > MAX_BODY_BYTES) {
    throw new HttpError(413, `The body: expected at most ${MAX_BODY_BYTES} bytes, got more`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new HttpError(400, "The body: expected UTF-8, got other bytes", { cause });
  }
}

/** What a failed request is answered; undefined if the service itself has failed. */
export function refusalOf(error: unknown): HttpResult | undefined {
  if (error instanceof MessageError) {
    return respond(400, { message: `The body: ${error.message}` });
  }
  if (!(error instanceof HttpError)) return undefined;
  const { statusCode, message, details } = error;
  return respond(
    statusCode,
    { ...(details.type && { type: details.type }), message },
    details.headers,
  );
}
