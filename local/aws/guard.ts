/**
 * Who may speak to the runtime's ports. A browser lets any web site send requests to this machine, and lets it read the
 * answers too once its name leads here (DNS rebinding): so a request has to name this machine, and may come from no
 * page but the runtime's own. Programs other than browsers say nothing of a page, and are let through.
 */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { BlockList, isIP, isIPv6 } from "node:net";
import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import { respond } from "./http";

/** A host as clients name it. */
export interface Host {
  /** In lower case, without brackets, zone and trailing dot. */
  name: string;
  /** As it was named, in lower case and without a zone: `name:port`, or `name` alone. */
  text: string;
}

/** What a request wants: an answer, or a WebSocket connection. */
export type Wish = "answer" | "connection";

/** Why a request is refused, in a sentence; undefined if it is let through. */
export type Guard = (request: IncomingMessage, wish: Wish) => string | undefined;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8);
LOOPBACK.addAddress("::1", "ipv6");

/** Whether this is an address by which a machine reaches nobody but itself. */
export const isLoopback = (address: string): boolean =>
  isIP(address) !== 0 && LOOPBACK.check(address, isIPv6(address) ? "ipv6" : "ipv4");

/** Whether a name is one of this machine everywhere, whatever a name server says (RFC 6761, 6.3). */
export const isLoopbackName = (name: string): boolean =>
  isLoopback(name) || name === "localhost" || name.endsWith(".localhost");

const HOST = /^(?:[\w.-]+|\[[\da-f.:]+(?:%[\w.%~-]+)?\])(?::\d{1,5})?$/i;

/** Reads what a `Host` header or the option `--host` names; undefined if that is no host. */
export function hostOf(text: string): Host | undefined {
  const literal = isIPv6(text) ? `[${text}]` : text;
  if (!HOST.test(literal)) return undefined;
  try {
    // A zone tells one machine's interfaces apart, and means nothing to another.
    const text = literal.replace(/%[^\]]*/, "").toLowerCase();
    return { text, name: new URL(`http://${text}`).hostname.replace(/^\[|\]$|\.$/g, "") };
  } catch {
    return undefined;
  }
}

/** @param names by which this machine is reached, beside `localhost` and its own name */
export function createGuard(names: readonly string[]): Guard {
  const known = new Set([hostname(), ...names].map((name) => hostOf(name)?.name));
  const leadsHere = (name: string, localAddress = "") =>
    isLoopbackName(name) || known.has(name) || isSameAddress(name, localAddress);
  return (request, wish) => {
    const { headers, rawHeaders, socket, url = "" } = request;
    const named = rawHeaders.filter((text, at) => at % 2 === 0 && /^host$/i.test(text)).length;
    const host = named === 1 ? hostOf(headers.host ?? "") : undefined;
    if (!host || !leadsHere(host.name, socket.localAddress)) {
      return (
        "The header Host: expected a name of this machine, such as localhost. " +
        "Another one is allowed by: npm start -- --host <name>"
      );
    }
    // An address in place of a path would stand above the header.
    if (!url.startsWith("/")) return "The request's target: expected a path";
    if (wish === "connection") {
      // Whoever connects proves by a key who it is: so a page that somebody develops here may connect, too.
      const origin = originOf(headers.origin);
      if (headers.origin === undefined || (origin && leadsHere(hostOf(origin.host)?.name ?? ""))) {
        return undefined;
      }
      return "The header Origin: expected a page of this machine";
    }
    if (headers.origin !== undefined && !isSameOrigin(headers.origin, host)) {
      return "The header Origin: expected the runtime's own page";
    }
    if (!isFromOwnPage(request) && !isVisit(request)) {
      return "The header Sec-Fetch-Site: expected a request of the runtime's own page";
    }
    return undefined;
  };
}

/** Lets a server answer what the guard lets through, and nothing else. */
export function serveGuarded(
  server: Server,
  guard: Guard,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  connect: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
): void {
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const refusal = guard(request, "answer");
    if (refusal === undefined) return answer(request, response);
    respond(response, 403, { message: refusal }, { Connection: "close" });
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const refusal = guard(request, "connection");
    if (refusal === undefined) return connect(request, socket, head);
    const body = JSON.stringify({ message: refusal });
    socket.on("error", () => socket.destroy());
    socket.end(
      "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nConnection: close\r\n" +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
}

/** Whether a request says that it comes from a page of the host that it goes to. */
export function isSameOrigin(header: string | undefined, { text }: Host): boolean {
  const origin = originOf(header);
  // By the page's scheme: whoever stands before the runtime may speak TLS.
  return origin !== undefined && new URL(`${origin.protocol}//${text}`).host === origin.host;
}

function originOf(header: string | undefined): URL | undefined {
  return header !== undefined && /^https?:\/\/[^/?#@\\\s]+$/.test(header) && URL.canParse(header)
    ? new URL(header)
    : undefined;
}

function isFromOwnPage({ headers }: IncomingMessage): boolean {
  const site = headers["sec-fetch-site"];
  return site === undefined || site === "same-origin" || site === "none";
}

/** A link that somebody follows to the page: what is shown can't be read by the page that had the link. */
const isVisit = ({ method, headers }: IncomingMessage): boolean =>
  method === "GET" &&
  headers["sec-fetch-mode"] === "navigate" &&
  headers["sec-fetch-dest"] === "document";

/** An address leads here if the request came in by it: no name server has a say in that. */
function isSameAddress(name: string, localAddress: string): boolean {
  if (isIP(name) === 0 || isIP(localAddress) === 0) return false;
  const list = new BlockList();
  list.addAddress(name, isIPv6(name) ? "ipv6" : "ipv4");
  return list.check(localAddress, isIPv6(localAddress) ? "ipv6" : "ipv4");
}
