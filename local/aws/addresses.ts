/** Where the runtime listens: on this machine's loopback addresses, and wherever else it is asked to. */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { hostOf, isLoopback } from "./guard";
import { LOOPBACK_ADDRESSES } from "./http";

/**
 * The addresses to listen on.
 *
 * @param hosts as `--host` has them: those that are addresses are listened on, too
 */
export function addressesFor(hosts: readonly string[]): [string, ...string[]] {
  const given = hosts.map((host) => hostOf(host)?.name ?? "").filter((name) => isIP(name) !== 0);
  // Those that stand for all others of their version leave these no room.
  if (given.includes("::")) return ["::"];
  const all = [...new Set([...LOOPBACK_ADDRESSES, ...given])];
  const rest = given.includes("0.0.0.0")
    ? ["0.0.0.0", ...all.filter((address) => isIP(address) === 6)]
    : all;
  return rest as [string, ...string[]];
}

/** The loopback addresses that this machine's own name leads to, such as Debian's 127.0.1.1. */
export async function ownNameAddresses(): Promise<string[]> {
  const found = await lookup(hostname(), { all: true }).catch(() => []);
  return found.map(({ address }) => address).filter(isLoopback);
}
