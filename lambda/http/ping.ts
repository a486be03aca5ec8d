/** `/ping/{secret}`: a job reports that it has run, has started, or has failed. */

import { type JobTerms, nextDue } from "../../core/job";
import { pingKey, readPingSecret } from "../../core/ping-secret";
import type { Activity } from "../../core/presence";
import { fencingTokenOf, isExpired, type RegisteredAgent } from "../../core/registry-record";
import { httpConnectionId, keyTagOf } from "../../core/row-connections";
import type { LoginRegistry } from "../authorize/store";
import type { HttpHolder, HttpOutcome } from "../lease/holder";
import type { LeaseStore } from "../lease/store";
import { IN_FLIGHT_MS } from "../lease/work";
import type { Log } from "../shared/log";
import type { MetricsSink } from "../shared/metrics";
import { heartbeatLimit, RETRY_AFTER, tokenUse } from "./lease";
import { HttpError, type HttpEvent, respond } from "./request";
import type { HttpRoute, HttpRoutes } from "./router";

export interface PingDependencies {
  registry: Pick<LoginRegistry, "find">;
  leases: Pick<LeaseStore, "renewOverHttp" | "leaveOverHttp">;
  log: Log;
  metrics: MetricsSink;
}

/** A job, its schedule, and which of its keys the secret belongs to. */
interface Job {
  agent: RegisteredAgent;
  terms: JobTerms;
  keyTag: string;
}

/** What a job reports. */
type Signal = { is: "alive" | "start" } | { is: "failed"; note: string };

const MOST_EXIT_STATUS = 255;
/** Hosts' clocks differ: a ping that seems to be older than the last one is tried again as if it were newer. */
const AHEAD_MS = [0, 2500, 5000, 7500];

export function pingRoutes({ registry, leases, log, metrics }: PingDependencies): HttpRoutes {
  const limit = heartbeatLimit();

  const ping: HttpRoute = async (event, { secret = "", signal: word = "" }) => {
    const signal = signalOf(word);
    if (!signal) throw new HttpError(404, "There is nothing at this path");
    // A registration that was changed within the last second counts where it decides.
    for (const fresh of [false, true]) {
      const job = await find(secret, event, fresh);
      if (!job) continue;
      if (!fresh) limit(job.agent, event);
      const outcome = await record(job, signal, event);
      if (outcome !== "revoked") return answer(outcome);
    }
    log.warn({ event: "ping_refused", ...readPingSecret(secret) });
    metrics.addMetric("LoginsRefused", "Count", 1);
    metrics.publishStoredMetrics();
    throw new HttpError(404, "There is nothing at this path");
  };

  /** The job that a secret is good for. */
  async function find(secret: string, event: HttpEvent, fresh: boolean): Promise<Job | undefined> {
    const claimed = readPingSecret(secret);
    if (!claimed) return undefined;
    const agent = await registry.find(claimed.organizationId, claimed.agentId, fresh);
    if (!agent?.job || !agent.enabled || isExpired(agent, event.requestContext.timeEpoch)) {
      return undefined;
    }
    const { keyId } = pingKey(secret);
    const key = agent.publicKeys.find((one) => one.keyId === keyId);
    return key && { agent, terms: agent.job, keyTag: keyTagOf(key) };
  }

  async function record(
    job: Job,
    signal: Signal,
    event: HttpEvent,
  ): Promise<HttpOutcome["outcome"]> {
    const { requestId, timeEpoch: now } = event.requestContext;
    const holder = holderOf(job, signal, now, requestId);
    const at = (aheadMs: number, step: number): HttpHolder => ({
      ...holder,
      // Of two writes for a request, the second is later.
      token: tokenUse(now, (now + aheadMs) * 1000 + step, requestId),
    });
    for (const aheadMs of AHEAD_MS) {
      const activity = activityOf(job.terms, signal, now);
      const renewed = await leases.renewOverHttp(at(aheadMs, 0), now, activity);
      if (renewed.outcome === "used") continue;
      if (signal.is !== "failed" || renewed.outcome !== "renewed") return renewed.outcome;
      const left = await leases.leaveOverHttp(at(aheadMs, 1), now, "failed");
      return left.outcome;
    }
    return "used";
  }

  const methods = { GET: ping, HEAD: ping, POST: ping };
  return { "/ping/{secret}": methods, "/ping/{secret}/{signal}": methods };
}

function answer(outcome: HttpOutcome["outcome"]) {
  // A later ping was there before.
  if (["renewed", "left", "used"].includes(outcome)) return respond(200, { ok: true });
  throw new HttpError(503, "Others have changed the job's status: send the request again", {
    headers: { "Retry-After": RETRY_AFTER },
  });
}

function signalOf(word: string): Signal | undefined {
  if (word === "") return { is: "alive" };
  if (word === "start") return { is: "start" };
  if (word === "fail") return { is: "failed", note: "it said that it failed" };
  if (!/^\d{1,3}$/.test(word) || Number(word) > MOST_EXIT_STATUS) return undefined;
  const status = Number(word);
  return status === 0 ? { is: "alive" } : { is: "failed", note: `exit status ${status}` };
}

function holderOf(
  { agent, terms, keyTag }: Job,
  signal: Signal,
  now: number,
  requestId: string,
): Omit<HttpHolder, "token"> {
  const { organizationId, agentId, expiresAt: registeredUntil } = agent;
  const { graceMs, maxRunMs } = terms;
  const fencingToken = fencingTokenOf(agent);
  const dueInMs = nextDue(terms, now) - now;
  // After a start, the next ping is due within the longest run.
  const runMs = signal.is === "start" ? maxRunMs : undefined;
  return {
    organizationId,
    agentId,
    // One process, until it is locked out or gets another secret: what was before has ended then.
    instanceId: `job-${keyTag}-${fencingToken.toString(36)}`,
    connectionId: httpConnectionId(requestId),
    connectedAt: now,
    leaseMs: Math.max(dueInMs, runMs ?? 0) + graceMs,
    // So that work stalls when its time is over: see `stallDeadline`.
    heartbeatIntervalMs: runMs === undefined ? dueInMs : Math.max(0, runMs - IN_FLIGHT_MS),
    rotation: false,
    fencingToken,
    keyTag,
    registeredUntil,
  };
}

function activityOf({ maxRunMs }: JobTerms, signal: Signal, now: number): Activity {
  if (signal.is === "alive") return { state: "idle" };
  if (signal.is === "failed") return { state: "idle", note: signal.note };
  return {
    state: "working",
    startedAt: now,
    progressAt: now,
    ...(maxRunMs !== undefined && { maxSilenceMs: maxRunMs }),
  };
}
