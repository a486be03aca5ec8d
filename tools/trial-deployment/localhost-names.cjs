/**
 * Preloaded into the processes of the suite: every name below `localhost` is this machine, as RFC 6761 has it,
 * also where the resolver does not know.
 */

const dns = require("node:dns");

const { lookup } = dns;

dns.lookup = (hostname, ...rest) =>
  lookup(/\.localhost$/.test(hostname) ? "127.0.0.1" : hostname, ...rest);
