/** Emulates EventBridge: accepts events and invokes the functions whose rules match. */

import { randomUUID } from "node:crypto";
import type { Clock, Timer } from "../clock";
import type { AsyncInvocations } from "../functions/async-invocations";
import { busNameOf, DEFAULT_BUS } from "../resources/event-bus";
import type { RuleDescription } from "../resources/rule";

/** An event as rules and targets receive it. */
export interface BusEvent {
  version: "0";
  id: string;
  "detail-type": string;
  source: string;
  account: string;
  time: string;
  region: string;
  resources: string[];
  detail: unknown;
}

/** Called with every event of every bus. */
export type EventListener = (event: BusEvent, busName: string) => void;

export interface EventBusOptions {
  busNames: string[];
  rules: RuleDescription[];
  /** Checks that a function exists. @throws Error if it does not */
  functionOf(arn: string): unknown;
  /** Runs the targets. */
  invocations: Pick<AsyncInvocations, "invoke">;
  clock: Clock;
  region: string;
  accountId: string;
  /** Whether scheduled rules run. */
  schedules: boolean;
  /** Called after each failure of a target. */
  report(problem: string): void;
}

/** An entry of PutEvents. */
export interface PutEventsEntry {
  EventBusName?: string;
  Source?: string;
  DetailType?: string;
  Detail?: string;
  Time?: number | string;
  Resources?: string[];
}

export type PutEventsResult = { EventId: string } | { ErrorCode: string; ErrorMessage: string };

export class EventBuses {
  readonly #options: EventBusOptions;
  readonly #names: Set<string>;
  readonly #listeners = new Set<EventListener>();
  readonly #timers = new Map<RuleDescription, Timer>();

  constructor(options: EventBusOptions) {
    this.#options = options;
    this.#names = new Set([DEFAULT_BUS, ...options.busNames]);
    for (const rule of options.rules) {
      for (const { functionArn } of rule.targets) options.functionOf(functionArn);
    }
  }

  /** Starts the schedules. Each rule first runs one interval from now. */
  start(): void {
    const { rules, schedules, clock } = this.#options;
    if (!schedules) return;
    for (const rule of rules) this.#scheduleNext(rule, clock.now());
  }

  /** Starts no further schedule. */
  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#listeners.clear();
  }

  /** @returns a function that unsubscribes */
  listen(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Accepts one entry. As in PutEvents, a rejected entry does not affect the others. */
  put(entry: PutEventsEntry): PutEventsResult {
    const busName = busNameOf(entry.EventBusName ?? DEFAULT_BUS);
    const { Source, DetailType, Detail } = entry;
    if (!Source || !DetailType || Detail === undefined) {
      return invalid(
        "Parameter Source, DetailType or Detail is not valid. Reason: it is required.",
      );
    }
    let detail: unknown;
    try {
      detail = JSON.parse(Detail);
    } catch {
      return { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." };
    }
    if (!this.#names.has(busName)) return invalid(`Event bus ${busName} does not exist.`);
    const event = this.#event(Source, DetailType, detail, entry);
    for (const listener of this.#listeners) listener(event, busName);
    for (const rule of this.#options.rules) {
      if (rule.enabled && rule.busName === busName && rule.pattern?.(event)) this.#run(rule, event);
    }
    return { EventId: event.id };
  }

  #event(source: string, detailType: string, detail: unknown, entry: PutEventsEntry): BusEvent {
    const { region, accountId, clock } = this.#options;
    const { Time, Resources = [] } = entry;
    const time = typeof Time === "number" ? Time * 1000 : (Time ?? clock.now());
    return {
      version: "0",
      id: randomUUID(),
      "detail-type": detailType,
      source,
      account: accountId,
      time: `${new Date(time).toISOString().slice(0, 19)}Z`,
      region,
      resources: Resources,
      detail,
    };
  }

  #scheduleNext(rule: RuleDescription, after: number): void {
    if (!rule.enabled || !rule.schedule) return;
    const { clock } = this.#options;
    const at = rule.schedule(after);
    const timer = clock.after(at - clock.now(), () => {
      // Based on the planned time, so that a late timer does not delay the following runs.
      this.#scheduleNext(rule, Math.max(at, clock.now() - 60_000));
      const event = this.#event("aws.events", "Scheduled Event", {}, { Resources: [rule.arn] });
      this.#run(rule, event);
    });
    this.#timers.set(rule, timer);
  }

  #run(rule: RuleDescription, event: BusEvent): void {
    const { invocations, report } = this.#options;
    for (const { functionArn, input } of rule.targets) {
      invocations.invoke(functionArn, input ?? event, (problem) =>
        report(`The rule ${rule.logicalId}: its target failed: ${problem}`),
      );
    }
  }
}

const invalid = (ErrorMessage: string): PutEventsResult => ({
  ErrorCode: "InvalidArgument",
  ErrorMessage,
});
