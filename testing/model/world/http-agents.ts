/** Processes of an agent that send heartbeats over HTTP, and somebody who repeats their requests. */

import { activityAt } from "./activity";
import type { Calls } from "./calls";
import type { Offer } from "./offer";
import type { Request } from "./participants";
import { INTERVAL_MS, LEASE_MS, NAME, SKEW_MS, type World } from "./world";

/** How long a token is valid, with the skew that is allowed. */
const TOKEN_MS = 90_000;
/** How far the clocks of processes are ahead. */
const CLOCKS_MS = [0, 0, 700, -3000];

export class HttpAgents {
  readonly #lastIssued = new Map<number, number>();

  constructor(
    private readonly world: World,
    private readonly calls: Calls,
  ) {}

  /** What they may do next. */
  offer(processes: number, detail: number, { offer: all, likely }: Offer): void {
    const offer = (weight: number, action: () => void) => all(likely(14, weight), action);
    const { registered, enabled, key } = this.world.registry;
    if (!registered || !enabled) return;
    for (let process = 0; process < processes; process++) {
      const leaves = detail % 6 === 0;
      offer(process === 0 ? 4 : 1, () => this.request(leaves ? "leave" : "http", process, detail));
    }
    // Somebody who has seen a request sends it again, as long as its token and its key are good.
    const seen = this.world.requests.filter(
      ({ repeats, holder, sentAt }) =>
        !repeats && holder.keyTag === `key-${key}` && this.world.now < sentAt + TOKEN_MS,
    );
    const repeated = seen[(detail * 7) % Math.max(1, seen.length)];
    if (repeated) {
      offer(2, () => this.request(detail % 4 === 0 ? "leave" : "http", 0, detail, repeated));
    }
  }

  /** The function reads the registry and verifies the token; its write is still to come. */
  request(kind: "http" | "leave", process: number, detail: number, repeats?: Request): void {
    const { token, key } = this.world.registry;
    const aheadMs = detail % 2 === 0 ? 0 : SKEW_MS;
    const now = this.world.now + aheadMs;
    const serial = this.world.requests.length;
    const of = repeats?.process ?? process;
    const issued = repeats?.holder.token ?? this.#nextToken(of);
    const requestId = `http:r${serial}`;
    const request: Request = {
      process: of,
      sentAt: this.world.now,
      aheadMs,
      alone: repeats?.alone ?? detail % 7 === 0,
      repeats,
      accepted: "no",
      holder: {
        ...NAME,
        connectionId: requestId,
        connectedAt: now,
        instanceId: `process-${of}`,
        leaseMs: LEASE_MS,
        heartbeatIntervalMs: INTERVAL_MS + 10 + (serial % 10),
        rotation: false,
        fencingToken: token,
        keyTag: `key-${key}`,
        token: { ...issued, used: `${issued.issued}${requestId}` },
      },
    };
    this.world.requests.push(request);
    const activity = activityAt(now, detail);
    const who = repeats ? `somebody repeats P${of}` : `P${of}`;
    const what = `${who} ${kind === "http" ? "beats" : "leaves"} over HTTP (${issued.issued}${request.alone ? ", alone" : ""}), host +${aheadMs}`;
    const operation = this.calls.run(kind, what, undefined, async (store) => {
      const { holder, alone } = request;
      const { outcome } =
        kind === "http"
          ? await store.renewOverHttp(holder, now, activity, alone)
          : await store.leaveOverHttp(holder, now, "client_closed");
      return outcome;
    });
    operation.request = request;
    operation.activity = activity;
  }

  /** Each process has a clock of its own, and makes its tokens in order. */
  #nextToken(process: number): { issuedAt: number; issued: string } {
    const last = this.#lastIssued.get(process) ?? 0;
    const issuedAt = Math.max(
      this.world.now + (CLOCKS_MS[process % CLOCKS_MS.length] ?? 0),
      last + 1,
    );
    this.#lastIssued.set(process, issuedAt);
    return { issuedAt, issued: String(issuedAt).padStart(16, "0") };
  }
}
