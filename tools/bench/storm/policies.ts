/** Reconnect policies with their published defaults, each with the source file of its numbers. */

/**
 * What happened to a client: the connection was lost, an attempt was rejected (429), or the server
 * was unreachable.
 */
export type Outcome = "lost" | "refused" | "unreachable";

/** The state of one client's policy. */
export interface Reconnecting {
  /** Milliseconds until the next attempt. Null if the client gives up. */
  next(outcome: Outcome): number | null;
}

export interface Policy {
  name: string;
  /** Repository, path and release. */
  source: string;
  client(random: () => number): Reconnecting;
}

/** Delays by the number of consecutive failures, starting with the loss. */
const byFailures = (delay: (failures: number) => number | null): Reconnecting => {
  let failures = 0;
  return { next: () => delay(failures++) };
};

const at = (delays: readonly number[], index: number) =>
  delays[Math.min(index, delays.length - 1)] as number;

const PHOENIX = [10, 50, 100, 150, 200, 250, 500, 1000, 2000, 5000];
const INNGEST = [2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000];
const LIVEKIT = [0, 300, 1200, 2700, 4800, 7000, 7000, 7000, 7000, 7000];
const NATS_ATTEMPTS = 10;

export const PUBLISHED: readonly Policy[] = [
  {
    name: "partysocket",
    source: "cloudflare/partykit packages/partysocket/src/ws.ts (1.3.0)",
    client: () => byFailures((n) => Math.min(10_000, 3000 * 1.3 ** n)),
  },
  {
    name: "reconnecting-websocket",
    source: "pladaria/reconnecting-websocket reconnecting-websocket.ts (4.4.0)",
    // Drawn once per process.
    client: (random) => {
      const least = 1000 + random() * 4000;
      return byFailures((n) => Math.min(10_000, least * 1.3 ** n));
    },
  },
  {
    name: "Phoenix",
    source: "phoenixframework/phoenix assets/js/phoenix/socket.js (1.8.16)",
    client: () => byFailures((n) => at(PHOENIX, n)),
  },
  {
    name: "socket.io",
    source: "socketio/socket.io packages/socket.io-client/lib/contrib/backo2.ts (4.8.4)",
    client: (random) =>
      byFailures((n) => Math.min(5000, 1000 * 2 ** Math.min(n, 30) * (0.5 + random()))),
  },
  {
    name: "nats.js",
    source: "nats-io/nats.js core/src/options.ts, core/src/protocol.ts (3.4.0)",
    // The first attempt at a server that was not tried recently is immediate. The tenth is the
    // last.
    client: (random) =>
      byFailures((n) => {
        if (n === 0) return 0;
        return n < NATS_ATTEMPTS ? 2000 + random() * 1000 : null;
      }),
  },
  {
    name: "Inngest connect",
    source: "inngest/inngest-js packages/inngest/src/components/connect/util.ts (4.24.0)",
    client: () => byFailures((n) => (n === 0 ? 0 : at(INNGEST, n - 1))),
  },
  {
    name: "LiveKit",
    source: "livekit/client-sdk-js src/room/DefaultReconnectPolicy.ts (2.23.0)",
    client: (random) =>
      byFailures((n) => {
        if (n === 0) return random() * 500;
        return n < LIVEKIT.length ? at(LIVEKIT, n) * (0.5 + random()) : null;
      }),
  },
];
