/** Takes connections through the proxy that the environment names, as corporate networks ask for. */

import { type ClientRequest, Agent as HttpAgent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { BlockList, isIP } from "node:net";
import { Agent, type AgentConnectOpts } from "agent-base";
import { HttpsProxyAgent } from "https-proxy-agent";

/** Environment variables, by their names. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a URL, by `HTTPS_PROXY` (`https:`, `wss:`), `HTTP_PROXY` (`http:`, `ws:`), else `ALL_PROXY`, and
 * `NO_PROXY`. Names in lower case go first. This machine is reached without one.
 *
 * `NO_PROXY` lists, with commas or spaces between, names (which stand for what is below them too, with or without a
 * leading `.` or `*.`), addresses, networks as `10.0.0.0/8`, each with or without `:port`; or `*` for everything.
 *
 * @throws Error if the variable holds no URL of an HTTP proxy
 */
export function proxyFor(
  url: string,
  environment: ProxyEnvironment = process.env,
): URL | undefined {
  const { protocol, hostname, port } = new URL(url);
  const isSecure = protocol === "wss:" || protocol === "https:";
  const host = hostname.replace(/^\[|\]$/g, "");
  const read = (name: string) => environment[name] || environment[name.toUpperCase()] || undefined;
  const [name, value] = [isSecure ? "https_proxy" : "http_proxy", "all_proxy"]
    .map((candidate) => [candidate, read(candidate)] as const)
    .find(([, found]) => found !== undefined) ?? [undefined, undefined];
  if (value === undefined || isThisMachine(host)) return undefined;
  const entries = (read("no_proxy") ?? "").split(/[\s,]+/).filter(Boolean);
  const target = { host, port: port || (isSecure ? "443" : "80") };
  if (entries.some((entry) => excludes(entry, target))) return undefined;
  const text = value.includes("://") ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy?.protocol === "http:" || proxy?.protocol === "https:") return proxy;
  // Never repeated as a whole: it may hold a password.
  const got = proxy ? `one of ${proxy.protocol}` : "another text";
  throw new Error(
    `${name.toUpperCase()}: expected the http:// or https:// URL of a proxy, got ${got}`,
  );
}

function isThisMachine(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || inNetworks(host, LOOPBACK);
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

function inNetworks(host: string, networks: BlockList): boolean {
  const family = isIP(host);
  return family !== 0 && networks.check(host, family === 6 ? "ipv6" : "ipv4");
}

function excludes(entry: string, { host, port }: { host: string; port: string }): boolean {
  if (entry === "*") return true;
  const [, address = "", bits] = /^(.*)\/(\d{1,3})$/.exec(entry) ?? [];
  if (bits !== undefined) {
    const family = isIP(address);
    if (family === 0 || Number(bits) > (family === 6 ? 128 : 32)) return false;
    const network = new BlockList();
    network.addSubnet(address, Number(bits), family === 6 ? "ipv6" : "ipv4");
    return inNetworks(host, network);
  }
  // An address of version 6 has colons too: with a port it is in brackets.
  const [, bracketed, named, onlyPort] =
    /^(?:\[(.+)\]|([^:]*|.*:.*:.*?))(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ??
    [];
  if (onlyPort !== undefined && onlyPort !== port) return false;
  const name = (bracketed ?? named ?? "")
    .toLowerCase()
    .replace(/^\*?\./, "")
    .replace(/\.$/, "");
  const wanted = host.toLowerCase().replace(/\.$/, "");
  return name !== "" && (wanted === name || wanted.endsWith(`.${name}`));
}

/**
 * An agent for Node.js's HTTP clients that takes each connection through the proxy for it, or through none. Give it to
 * AWS clients as well: `new DynamoDBClient({ requestHandler: { httpAgent: agent, httpsAgent: agent } })`.
 */
export function proxyAgent(environment: ProxyEnvironment = process.env): HttpAgent {
  return new EnvironmentAgent(environment);
}

class EnvironmentAgent extends Agent {
  readonly #direct = {
    http: new HttpAgent({ keepAlive: true }),
    https: new TlsAgent({ keepAlive: true }),
  };
  readonly #tunnels = new Map<string, Tunnel>();

  constructor(private readonly environment: ProxyEnvironment) {
    super({ keepAlive: true });
  }

  override async connect(_: ClientRequest, options: AgentConnectOpts): Promise<HttpAgent> {
    const { secureEndpoint, host, port } = options;
    const name = isIP(host ?? "") === 6 ? `[${host}]` : host;
    const proxy = proxyFor(`http${secureEndpoint ? "s" : ""}://${name}:${port}`, this.environment);
    if (!proxy) return this.#direct[secureEndpoint ? "https" : "http"];
    const tunnel = this.#tunnels.get(proxy.href) ?? new Tunnel(proxy, { keepAlive: true });
    this.#tunnels.set(proxy.href, tunnel);
    return tunnel;
  }

  override destroy(): void {
    super.destroy();
    for (const agent of [this.#direct.http, this.#direct.https, ...this.#tunnels.values()]) {
      agent.destroy();
    }
  }
}

/** What a proxy answers to a request for a tunnel. */
interface ConnectResponse {
  statusCode: number;
  statusText: string;
}

/** A proxy that refuses is not taken for the server: its answer is an error, which names it. */
class Tunnel extends HttpsProxyAgent<string> {
  override async connect(...args: Parameters<HttpsProxyAgent<string>["connect"]>) {
    const [request, { host, port }] = args;
    const { protocol, host: at } = this.proxy;
    const proxy = `the proxy ${protocol}//${at}`;
    let answer: ConnectResponse | undefined;
    request.once("proxyConnect", (connect: ConnectResponse) => {
      answer = connect;
    });
    const socket = await super.connect(...args).catch((cause: NodeJS.ErrnoException) => {
      const error = new Error(`${proxy} could not be used: ${cause.message || cause.code}`, {
        cause,
      });
      throw Object.assign(error, cause.code !== undefined && { code: cause.code });
    });
    if (!answer || answer.statusCode === 200) return socket;
    socket.destroy();
    const { statusCode, statusText } = answer;
    const why = statusCode === 407 ? ": it wants a user name and a password in its URL" : "";
    throw new Error(
      `${proxy} refused to connect to ${host}:${port} with status ${statusCode} ${statusText}`.trim() +
        why,
    );
  }
}
