/** Self-preservation of the sweep: carries out the actions of `self-preservation-rule.ts`, which has the state table. */

import pLimit from "p-limit";
import type { MassExpiryEndedDetail, MassExpirySuspectedDetail } from "../../core/events";
import type { Connections } from "../shared/connections";
import type { Log } from "../shared/log";
import { lastActiveAt, probeConnections, recentlyActive } from "./connection-probe";
import {
  type FleetCounts,
  NO_AGENTS,
  type OrganizationCounts,
  silentOf,
  withoutWorst,
} from "./fleet-counts";
import type { OnlineRow } from "./scan";
import { isMassExpiry, nextAction, type SelfPreservationTerms } from "./self-preservation-rule";
import {
  ALL,
  type Scope,
  type SelfPreservationState,
  type SelfPreservationStore,
} from "./self-preservation-store";

/** Organizations that are judged at the same time. */
const CONCURRENCY = 8;

/** The `detail` of an event on the event bus. */
export type MassExpiryEvent = MassExpirySuspectedDetail | MassExpiryEndedDetail;

export interface SelfPreservationDependencies {
  terms: SelfPreservationTerms;
  store: Pick<SelfPreservationStore, "all" | "begin" | "announce" | "confirm" | "end">;
  connections: Pick<Connections, "lastActiveAt">;
  /** @throws Error if the bus refuses the event */
  publish(event: MassExpiryEvent): Promise<void>;
  log: Log;
}

/**
 * What the sweep may do with expired leases: `hold` all, `expire` all, or `probe` each agent's connection first, since
 * heartbeats may reach the gateway and not the table.
 */
export type Permission = "hold" | "probe" | "expire";

export interface Permissions {
  of(organizationId: string): Permission;
  /** States that could not be judged: what they are of is withheld. */
  failures: number;
}

export interface SelfPreservation {
  /**
   * What the sweep may do with the agents of each organization. A fault of the service silences several organizations, so
   * that the agents of one alone never withhold the events of others.
   *
   * @param complete whether the counts are of the whole table
   * @param silent rows with expired leases, or some of them
   */
  permissions(
    organizations: OrganizationCounts,
    complete: boolean,
    silent: readonly OnlineRow[],
    now: number,
  ): Promise<Permissions>;
  /**
   * Whether the gateway received something from an agent after its last stored heartbeat: then its lease is not expired
   * yet. Messages sent to a connection count as activity too, so this is false once `holdMs` have passed.
   */
  recentlyActive(row: OnlineRow, now: number): Promise<boolean>;
}

/** Its methods throw if the table or the bus fails; then nothing may be stored as offline. */
export function createSelfPreservation(deps: SelfPreservationDependencies): SelfPreservation {
  const { terms, store, connections, publish, log } = deps;

  const eventOf = (scope: Scope, { announced: _, ...state }: SelfPreservationState) => ({
    organizationId: scope === ALL ? null : scope,
    ...state,
  });

  /** Published again until it is noted that it was: a sweep may end at any moment. */
  async function announce(scope: Scope, state: SelfPreservationState): Promise<void> {
    await publish({ event: "suspected", ...eventOf(scope, state) });
    await store.announce(scope, state);
  }

  async function begin(
    scope: Scope,
    counts: FleetCounts,
    silent: readonly OnlineRow[],
    now: number,
  ): Promise<void> {
    const rows = scope === ALL ? silent : silent.filter((row) => row.organizationId === scope);
    const state: SelfPreservationState = {
      suspectedAt: now,
      heldUntil: now + terms.holdMs,
      silent: silentOf(counts),
      online: counts.online + counts.over,
      sample: await probeConnections(rows, connections),
    };
    if (!(await store.begin(scope, state))) return;
    log.warn({ event: "mass_expiry_suspected", ...eventOf(scope, state) });
    await announce(scope, state);
  }

  async function end(
    scope: Scope,
    standing: SelfPreservationState,
    outcome: "recovered" | "confirmed",
    now: number,
  ): Promise<void> {
    // Published before it is stored: overlapping sweeps may publish it twice, but never omit it.
    await publish({ event: "ended", outcome, endedAt: now, ...eventOf(scope, standing) });
    log.warn({ event: "mass_expiry_ended", outcome, ...eventOf(scope, standing) });
    if (outcome === "confirmed") await store.confirm(scope, standing, now);
    else await store.end(scope, standing);
  }

  async function judge(
    scope: Scope,
    standing: SelfPreservationState | undefined,
    counts: FleetCounts,
    complete: boolean,
    silent: readonly OnlineRow[],
    now: number,
  ): Promise<Permission> {
    const action = nextAction(standing, counts, complete, now, terms);
    if (!standing) {
      if (action !== "suspect") return "probe";
      await begin(scope, counts, silent, now);
      return "hold";
    }
    if (!standing.announced) await announce(scope, standing);
    if (action === "confirm") await end(scope, standing, "confirmed", now);
    if (action === "recover") await end(scope, standing, "recovered", now);
    if (action === "forget") await store.end(scope, standing);
    if (action === "hold") return "hold";
    return action === "confirm" || standing.confirmedAt !== undefined ? "expire" : "probe";
  }

  return {
    async permissions(organizations, complete, silent, now) {
      const standing = await store.all();
      let failures = 0;
      const judgeSafely = async (scope: Scope, counts: FleetCounts): Promise<Permission> => {
        try {
          return await judge(scope, standing.get(scope), counts, complete, silent, now);
        } catch (error) {
          failures += 1;
          log.error({ event: "self_preservation_failed", scope, error: String(error) });
          return "hold";
        }
      };
      const ofAll = await judgeSafely(ALL, withoutWorst(organizations));
      const scopes = new Set([...standing.keys()].filter((scope) => scope !== ALL));
      if (ofAll === "probe") {
        for (const [organizationId, counts] of organizations) {
          if (isMassExpiry(counts, terms)) scopes.add(organizationId);
        }
      }
      const own = new Map(
        await pLimit(CONCURRENCY).map(
          scopes,
          async (scope) =>
            [scope, await judgeSafely(scope, organizations.get(scope) ?? NO_AGENTS)] as const,
        ),
      );
      return {
        failures,
        of: (organizationId) => {
          const both = [ofAll, own.get(organizationId) ?? "probe"];
          if (both.includes("hold")) return "hold";
          return both.includes("expire") ? "expire" : "probe";
        },
      };
    },

    async recentlyActive(row, now) {
      if (now >= row.leaseExpiresAt + terms.holdMs) return false;
      try {
        return recentlyActive(row, await lastActiveAt(row, connections));
      } catch (error) {
        log.warn({ event: "probe_failed", agentId: row.agentId, error: String(error) });
        return false;
      }
    },
  };
}
