/** The dashboard on this machine: the template's page, signed in automatically. */

import type { HttpHandler } from "../aws/http";
import { servePage } from "../aws/page/serve-page";
import type { LocalService } from "./service";
import { isFromThisMachine, signInApi } from "./sign-in";

/** Tells the page that it can sign in, and to which organization. Deployed pages don't contain it. */
const offer = (organizationId: string) =>
  `<meta name="agent-heartbeat-sign-in" content="${organizationId}" />`;

export interface LocalDashboard {
  /** The page's address. */
  url: string;
  close(): void;
}

/**
 * Serves the runtime's page with automatic sign-in.
 *
 * @param organizationId the organization to show if the address names none
 * @returns undefined if the template has no page
 */
export function openDashboard(
  runtime: LocalService,
  organizationId: string,
  now: () => number = Date.now,
): LocalDashboard | undefined {
  const { page, pageUrl, outputs } = runtime;
  if (page === undefined || pageUrl === undefined) return undefined;
  const signIn = signInApi(outputs, now);
  const withOffer = servePage(
    { ...page, headers: mayAskItsOwnServer(page.headers) },
    { ownUrl: pageUrl, html: (text) => text.replace("</head>", `${offer(organizationId)}</head>`) },
  );
  const first: HttpHandler = (request, response) =>
    isFromThisMachine(request) && withOffer(request, response);
  runtime.handle(signIn.handle);
  runtime.handle(first);
  return { url: pageUrl, close: () => signIn.close() };
}

/** Allows requests to the sign-in API. A deployed page may connect only to the WebSocket API. */
const mayAskItsOwnServer = (headers: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      name === "Content-Security-Policy"
        ? value.replace("connect-src ", "connect-src 'self' ")
        : value,
    ]),
  );
