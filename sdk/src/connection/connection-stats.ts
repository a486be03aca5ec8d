/** What a connection manager has measured and lived through: the stuff of its health. */

import type { Activity } from "../../../core/presence";
import type { HeartbeatAckMessage } from "../../../core/protocol";
import { inBrowser } from "../platform/in-browser";
import type { Runtime } from "../platform/runtime";
import { healthBefore, type ManagerHealth } from "./health";
import type { Heartbeat, HeartbeatTerms } from "./heartbeat";
import type { ManagedConnection } from "./managed-connection";
import { advisedWindowMs } from "./reconnect-window";
import { ServerClock } from "./server-clock";
import type { AgentState, Failure } from "./state";

/** A loop that another thread sees standing still for this long is reported as `blocked`. */
const BLOCKED_AFTER_MS = 5_000;

export class ConnectionStats {
  readonly clock: ServerClock;
  /** Over how long the fleet is to come back, by the last ack; 0 where it did not say. */
  reconnectWindowMs = 0;
  /** How late the manager's own event loop ran. */
  lagMs = 0;
  /** What the agent says that it does. Its times are monotonic. */
  activity: Activity = { state: "idle" };
  readonly #known = healthBefore("idle");

  constructor(private readonly platform: Runtime) {
    this.clock = new ServerClock(platform);
  }

  /** @returns the round trip in milliseconds, where it could be measured */
  noteAck(heartbeat: Heartbeat | null, ack: HeartbeatAckMessage): number | null {
    const { serverTime, heartbeatInterval, reconnectWindowMs } = ack;
    this.reconnectWindowMs = advisedWindowMs(reconnectWindowMs);
    const now = this.platform.monotonic();
    const advisedMs = heartbeatInterval === undefined ? null : heartbeatInterval * 1000;
    const roundTripMs = heartbeat?.noteAck(now, advisedMs) ?? null;
    if (roundTripMs !== null) {
      this.#known.roundTripMs = roundTripMs;
      this.clock.learnFromAck(serverTime, roundTripMs);
    }
    this.#known.lastAckAt = this.platform.now();
    this.#known.lastAckMonotonic = now;
    return roundTripMs;
  }

  /**
   * @param managed the primary connection
   * @param terms what is wanted where there is none
   */
  health(
    state: AgentState,
    managed: ManagedConnection | null,
    terms: HeartbeatTerms | null,
    reconnectAttempts: number,
  ): ManagerHealth {
    const ownTimeoutMs = terms && terms.intervalMs * (terms.ackEvery - 1 + terms.timeoutMultiplier);
    return {
      ...this.#known,
      state,
      connected: managed?.connection.isOpen ?? false,
      ackTimeoutMs: managed?.heartbeat?.ackTimeoutMs ?? ownTimeoutMs,
      reconnectAttempts,
      clockSkewMs: this.clock.skewMs,
      eventLoopLagMs: this.lagMs,
    };
  }

  lost({ code, message }: Failure): void {
    this.#known.lastDisconnect = { code: code ?? null, reason: message, at: this.platform.now() };
  }

  /** The activity for a heartbeat, with the lag of the event loop that the agent's handlers run on. */
  activityNow(): Activity {
    const { startedAt, progressAt } = this.activity;
    // What is undefined is left out where it is written.
    const activity = {
      ...this.activity,
      startedAt: this.#serverTime(startedAt),
      progressAt: this.#serverTime(progressAt),
      eventLoopLagMs: this.lagMs,
    } as Activity;
    return inBrowser ? activity : { ...activity, ...observedBy(this.platform) };
  }

  #serverTime(time: number | undefined): number | undefined {
    const offsetMs = this.clock.now() - this.platform.monotonic();
    return time === undefined ? time : Math.max(0, Math.round(offsetMs + time));
  }
}

/** What another thread sees of the agent's loop. */
function observedBy(runtime: Runtime): Partial<Activity> {
  const eventLoopLagMs = runtime.observedLagMs?.();
  if (eventLoopLagMs === undefined) return {};
  return { eventLoopLagMs, ...(eventLoopLagMs >= BLOCKED_AFTER_MS && { state: "blocked" }) };
}
