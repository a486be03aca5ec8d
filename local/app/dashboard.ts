/** The dashboard on this machine: the template's own page, which opens signed in. */

import type { HttpHandler } from "../aws/http";
import { servePage } from "../aws/page/serve-page";
import type { LocalService } from "./service";
import { isFromThisMachine, signInApi } from "./sign-in";

/** Says in the page that it may ask for a sign-in, and to which organization. No deployment's page has it. */
const offer = (organizationId: string) =>
  `<meta name="agent-heartbeat-sign-in" content="${organizationId}" />`;

export interface LocalDashboard {
  /** The page's address, which alone signs in. */
  url: string;
  close(): void;
}

/**
 * Serves the page of a runtime with the offer of a sign-in.
 *
 * @param organizationId the one that is shown where the address names none
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

/** A deployment's page connects to the WebSocket API and to nothing else. */
const mayAskItsOwnServer = (headers: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      name === "Content-Security-Policy"
        ? value.replace("connect-src ", "connect-src 'self' ")
        : value,
    ]),
  );
