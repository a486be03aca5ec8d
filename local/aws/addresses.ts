/** The addresses that the runtime listens on: the loopback addresses, and those given by `--host`. */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { hostOf, isLoopback } from "./guard";
import { LOOPBACK_ADDRESSES } from "./http";

/**
 * The addresses to listen on.
 *
 * @param hosts the names and addresses of `--host`; only addresses are listened on
 */
export function addressesFor(hosts: readonly string[]): [string, ...string[]] {
  const given = hosts.map((host) => hostOf(host)?.name ?? "").filter((name) => isIP(name) !== 0);
  // A wildcard address includes all others of its IP version, so they can't be listened on separately.
  if (given.includes("::")) return ["::"];
  const all = [...new Set([...LOOPBACK_ADDRESSES, ...given])];
  const rest = given.includes("0.0.0.0")
    ? ["0.0.0.0", ...all.filter((address) => isIP(address) === 6)]
    : all;
  return rest as [string, ...string[]];
}

/** The loopback addresses of this machine's host name, such as Debian's 127.0.1.1. */
export async function ownNameAddresses(): Promise<string[]> {
  const found = await lookup(hostname(), { all: true }).catch(() => []);
  return found.map(({ address }) => address).filter(isLoopback);
}
