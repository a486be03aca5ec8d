/** Requests to a function URL, for tests of its handlers. */

import type { HttpEvent } from "../lambda/http/request";

interface Given {
  domainName: string;
  /** Epoch milliseconds. */
  now: number;
  method?: string;
  path?: string;
  query?: string;
  token?: string;
  body?: string;
  isBase64Encoded?: boolean;
}

let serial = 0;

/** An event of `POST /heartbeat`, or of another request. */
export function httpEvent(given: Given): HttpEvent {
  const { domainName, now, method = "POST", path = "/heartbeat", query = "", token } = given;
  serial += 1;
  return {
    rawPath: path,
    rawQueryString: query,
    headers: { host: domainName, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    ...(given.body !== undefined && { body: given.body }),
    isBase64Encoded: given.isBase64Encoded ?? false,
    requestContext: {
      domainName,
      requestId: `request-${serial}`,
      timeEpoch: now,
      http: { method },
    },
  };
}
