/**
 * Protects the runtime's ports from web sites. A browser lets any site send requests to this machine, and read the responses if
 * the site's host name resolves to it (DNS rebinding). So a request must name this machine, and may come only from the
 * runtime's own page. Programs other than browsers send no origin, and are accepted.
 */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { BlockList, isIP, isIPv6 } from "node:net";
import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import { respond } from "./http";

/** A host in a request. */
export interface Host {
  /** In lower case, without brackets, zone and trailing dot. */
  name: string;
  /** The original text in lower case, without a zone: `name:port`, or `name` alone. */
  text: string;
}

/** An ordinary request, or a WebSocket handshake. */
export type RequestKind = "http" | "websocket";

/** Returns why a request is refused, as a sentence; undefined if it is accepted. */
export type Guard = (request: IncomingMessage, kind: RequestKind) => string | undefined;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8);
LOOPBACK.addAddress("::1", "ipv6");

/** Whether this is a loopback address. */
export const isLoopback = (address: string): boolean =>
  isIP(address) !== 0 && LOOPBACK.check(address, isIPv6(address) ? "ipv6" : "ipv4");

/** Whether a name always refers to this machine, whatever a name server says (RFC 6761, 6.3). */
export const isLoopbackName = (name: string): boolean =>
  isLoopback(name) || name === "localhost" || name.endsWith(".localhost");

const HOST = /^(?:[\w.-]+|\[[\da-f.:]+(?:%[\w.%~-]+)?\])(?::\d{1,5})?$/i;

/** Parses a `Host` header or a value of `--host`; undefined if it is not a host. */
export function hostOf(text: string): Host | undefined {
  const literal = isIPv6(text) ? `[${text}]` : text;
  if (!HOST.test(literal)) return undefined;
  try {
    // A zone identifies an interface of one machine, and has no meaning elsewhere.
    const text = literal.replace(/%[^\]]*/, "").toLowerCase();
    return { text, name: new URL(`http://${text}`).hostname.replace(/^\[|\]$|\.$/g, "") };
  } catch {
    return undefined;
  }
}

/** @param names further names of this machine, besides `localhost` and its host name */
export function createGuard(names: readonly string[]): Guard {
  const known = new Set([hostname(), ...names].map((name) => hostOf(name)?.name));
  const isThisMachine = (name: string, localAddress = "") =>
    isLoopbackName(name) || known.has(name) || isSameAddress(name, localAddress);
  return (request, kind) => {
    const { headers, rawHeaders, socket, url = "" } = request;
    const named = rawHeaders.filter((text, at) => at % 2 === 0 && /^host$/i.test(text)).length;
    const host = named === 1 ? hostOf(headers.host ?? "") : undefined;
    if (!host || !isThisMachine(host.name, socket.localAddress)) {
      return (
        "The header Host: expected a name of this machine, such as localhost. " +
        "Allow another one with --host <name>"
      );
    }
    // An absolute URL would override the header.
    if (!url.startsWith("/")) return "The request's target: expected a path";
    if (kind === "websocket") {
      // A connection requires a key, so pages under development on this machine may connect too.
      const origin = originOf(headers.origin);
      const named = origin && hostOf(origin.host)?.name;
      if (headers.origin === undefined || (named !== undefined && isThisMachine(named))) {
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

/** Makes a server handle only requests that the guard accepts. */
export function serveGuarded(
  server: Server,
  guard: Guard,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  connect: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
): void {
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const refusal = guard(request, "http");
    if (refusal === undefined) return answer(request, response);
    respond(response, 403, { message: refusal }, { Connection: "close" });
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const refusal = guard(request, "websocket");
    if (refusal === undefined) return connect(request, socket, head);
    const body = JSON.stringify({ message: refusal });
    socket.on("error", () => socket.destroy());
    socket.end(
      "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nConnection: close\r\n" +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
}

/** Whether an `Origin` header names the host that the request is sent to. */
export function isSameOrigin(header: string | undefined, { text }: Host): boolean {
  const origin = originOf(header);
  // With the page's scheme, because a proxy in front of the runtime may use TLS.
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

/** A link to the page that the user follows. The linking page can't read the response. */
const isVisit = ({ method, headers }: IncomingMessage): boolean =>
  method === "GET" &&
  headers["sec-fetch-mode"] === "navigate" &&
  headers["sec-fetch-dest"] === "document";

/** Whether the named address is the one that received the request. */
function isSameAddress(name: string, localAddress: string): boolean {
  if (isIP(name) === 0 || isIP(localAddress) === 0) return false;
  const list = new BlockList();
  list.addAddress(name, isIPv6(name) ? "ipv6" : "ipv4");
  return list.check(localAddress, isIPv6(localAddress) ? "ipv6" : "ipv4");
}
