/** `/ping/{secret}`: a job tells that it has run, that it works, or that it has failed. */

import { nextDue } from "../../core/job";
import { pingKey, readPingSecret } from "../../core/ping-secret";
import { type Activity, RATES } from "../../core/protocol";
import { fencingTokenOf, isExpired, type RegisteredAgent } from "../../core/registry-record";
import { httpConnectionId, keyTagOf } from "../../core/row-connections";
import type { LoginRegistry } from "../authorize/store";
import type { HttpHolder, HttpOutcome } from "../lease/holder";
import type { LeaseStore } from "../lease/store";
import type { Log } from "../shared/log";
import type { MetricsSink } from "../shared/metrics";
import { RateLimiter } from "../shared/rate-limiter";
import { HttpError, type HttpEvent, respond } from "./request";
import type { HttpRoute, HttpRoutes } from "./router";

export interface PingDependencies {
  registry: Pick<LoginRegistry, "find">;
  leases: Pick<LeaseStore, "renewOverHttp" | "leaveOverHttp">;
  log: Log;
  metrics: MetricsSink;
}

/** What a job tells. */
type Signal = { is: "alive" | "start" } | { is: "failed"; note: string };

/** `stallDeadline` adds as much to the time at which the next sign is due. */
const IN_FLIGHT_MS = 2000;
const MOST_EXIT_STATUS = 255;
/** Hosts' clocks differ: a ping that seems to be older than the last one is tried again as if it were newer. */
const AHEAD_MS = [0, 2500, 5000, 7500];

export function pingRoutes({ registry, leases, log, metrics }: PingDependencies): HttpRoutes {
  const limiter = new RateLimiter(RATES.heartbeat);

  const ping: HttpRoute = async (event, { secret = "", signal: word = "" }) => {
    const signal = signalOf(word);
    if (!signal) throw new HttpError(404, "There is nothing at this path");
    // A registration that was changed within the last second counts where it decides.
    for (const fresh of [false, true]) {
      const job = await find(secret, event, fresh);
      if (!job) continue;
      if (!fresh) limit(job.agent, event);
      const outcome = await tell(job, signal, event);
      if (outcome !== "revoked") return answer(outcome);
    }
    log.warn({ event: "ping_refused", ...readPingSecret(secret) });
    metrics.addMetric("LoginsRefused", "Count", 1);
    metrics.publishStoredMetrics();
    throw new HttpError(404, "There is nothing at this path");
  };

  /** The job that a secret is good for. */
  async function find(secret: string, event: HttpEvent, fresh: boolean) {
    const claimed = readPingSecret(secret);
    if (!claimed) return undefined;
    const agent = await registry.find(claimed.organizationId, claimed.agentId, fresh);
    if (!agent?.job || !agent.enabled || isExpired(agent, event.requestContext.timeEpoch)) {
      return undefined;
    }
    const { keyId } = pingKey(secret);
    const key = agent.publicKeys.find((one) => one.keyId === keyId);
    return key && { agent, job: agent.job, keyTag: keyTagOf(key) };
  }

  type Job = NonNullable<Awaited<ReturnType<typeof find>>>;

  async function tell(job: Job, signal: Signal, event: HttpEvent): Promise<HttpOutcome["outcome"]> {
    const { timeEpoch: now } = event.requestContext;
    for (const aheadMs of AHEAD_MS) {
      const holder = (step: number) => holderOf(job, signal, event, aheadMs * 1000 + step);
      const renewed = await leases.renewOverHttp(holder(0), now, activityOf(job, signal, now));
      if (renewed.outcome === "used") continue;
      if (signal.is !== "failed" || renewed.outcome !== "renewed") return renewed.outcome;
      const left = await leases.leaveOverHttp(holder(1), now, "failed");
      return left.outcome;
    }
    return "used";
  }

  function limit({ organizationId, agentId }: RegisteredAgent, event: HttpEvent): void {
    const key = `${organizationId}/${agentId}`;
    if (limiter.check(key, event.requestContext.timeEpoch) === "admitted") return;
    const { perSecond, burst } = RATES.heartbeat;
    const message = `Expected at most ${perSecond} a second, and ${burst} at once, got more`;
    throw new HttpError(429, message, { headers: { "Retry-After": "1" } });
  }

  const methods = { GET: ping, HEAD: ping, POST: ping };
  return { "/ping/{secret}": methods, "/ping/{secret}/{signal}": methods };
}

function answer(outcome: HttpOutcome["outcome"]) {
  // A later ping was there before.
  if (["renewed", "left", "used"].includes(outcome)) return respond(200, { ok: true });
  throw new HttpError(503, "Others have changed the job's status: send the request again", {
    headers: { "Retry-After": "2" },
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

/** @param later than the request, in microseconds: of two writes for it, the second is later */
function holderOf(
  {
    agent,
    job,
    keyTag,
  }: { agent: RegisteredAgent; job: Parameters<typeof nextDue>[0]; keyTag: string },
  signal: Signal,
  { requestContext: { requestId, timeEpoch: now } }: HttpEvent,
  later: number,
): HttpHolder {
  const { organizationId, agentId } = agent;
  const fencingToken = fencingTokenOf(agent);
  const due = nextDue(job, now);
  const ends = signal.is === "start" ? now + (job.maxRunMs ?? 0) : 0;
  const issued = String(now * 1000 + later).padStart(16, "0");
  // A run that was told to have started is heard of again within its time.
  const runs = signal.is === "start" && job.maxRunMs !== undefined;
  return {
    organizationId,
    agentId,
    // One process, until it is locked out or gets another secret: what was before has ended then.
    instanceId: `job-${keyTag}-${fencingToken.toString(36)}`,
    connectionId: httpConnectionId(requestId),
    connectedAt: now,
    leaseMs: Math.max(due, ends) + job.graceMs - now,
    heartbeatIntervalMs: runs ? Math.max(0, Number(job.maxRunMs) - IN_FLIGHT_MS) : due - now,
    rotation: false,
    fencingToken,
    keyTag,
    registeredUntil: agent.expiresAt,
    token: { issuedAt: now, issued, used: `${issued}${httpConnectionId(requestId)}` },
  };
}

function activityOf(
  { job }: { job: Parameters<typeof nextDue>[0] },
  signal: Signal,
  now: number,
): Activity {
  if (signal.is === "alive") return { state: "idle" };
  if (signal.is === "failed") return { state: "idle", note: signal.note };
  return {
    state: "working",
    startedAt: now,
    progressAt: now,
    ...(job.maxRunMs !== undefined && { maxSilenceMs: job.maxRunMs }),
  };
}
