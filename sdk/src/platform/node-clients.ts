/** What agents and watchers have in Node.js beside the rest: names and values that are checked, and `await using`. */

import { DIRECT_SUBJECT } from "../../../core/subject";
import { Agent, type ListQuery } from "../agent";
import type { AgentEvents } from "../agent-events";
import type { StartOptions } from "../connection/start";
import type { FleetEvents } from "../fleet/events";
import { Watcher } from "../fleet/watcher";
import type { HandlerOptions, MessageHandler } from "../messaging/dispatcher";
import type { PublishOptions, RequestOptions } from "../messaging/messaging";
import type { ProfileOptions } from "../messaging/profile";
import {
  type TraceContext,
  type TracedSend,
  type Tracing,
  tracedProcess,
  tracedSend,
} from "../messaging/tracing";
import type { ResolvedOptions } from "../options";
import type { AgentEnvironment } from "./agent-environment";
import { SharedConnection } from "./shared-connection";
import {
  AGENT_EVENTS,
  expectFunction,
  expectListener,
  expectNames,
  expectProfile,
  expectQuery,
  expectSignal,
  expectStartOptions,
  FLEET_EVENTS,
  HANDLER_OPTIONS,
  REQUEST_OPTIONS,
} from "./strict-names";

/** What `HeartbeatAgent` and `SimpleAgent` have in common in Node.js. */
export abstract class NodeAgent extends Agent {
  readonly #watch: () => AgentFleet;
  readonly #tracing: Tracing | undefined;
  readonly #warn: (message: string) => void;
  #fleet: AgentFleet | undefined;

  protected constructor(options: ResolvedOptions, environment: AgentEnvironment) {
    const shared = new SharedConnection();
    super(options, {
      ...environment,
      createManager: (manager, emit) =>
        shared.forAgent((onEvent) => environment.createManager(manager, onEvent), emit),
    });
    this.#watch = () => new AgentFleet(options, environment, shared);
    this.#tracing = environment.tracing;
    this.#warn = (message) => options.logger.warn(`${this.agentId}: ${message}`);
  }

  /**
   * The agents of the organization, watched over this agent's own connection: neither another login nor a viewer's key is needed.
   * Call its `start()` to begin; it waits for the agent's connection, and ends with the agent. The same one at every call.
   */
  get fleet(): AgentFleet {
    this.#fleet ??= this.#watch();
    return this.#fleet;
  }

  /** @throws ConfigurationError if there is no event of the name, or the listener is no function. */
  override on<Name extends keyof AgentEvents>(
    name: Name,
    listener: (event: AgentEvents[Name]) => void,
  ) {
    expectListener(name, listener, AGENT_EVENTS);
    return super.on(name, listener);
  }

  /** @throws ConfigurationError if there is no event of the name, or the listener is no function. */
  override once<Name extends keyof AgentEvents>(
    name: Name,
    listener: (event: AgentEvents[Name]) => void,
  ) {
    expectListener(name, listener, AGENT_EVENTS);
    return super.once(name, listener);
  }

  /** @throws ConfigurationError if there is no event of the name, or the listener is no function. */
  override off<Name extends keyof AgentEvents>(
    name: Name,
    listener: (event: AgentEvents[Name]) => void,
  ) {
    expectListener(name, listener, AGENT_EVENTS);
    super.off(name, listener);
  }

  override async start(options?: StartOptions) {
    expectStartOptions(options);
    return super.start(options);
  }

  override setProfile(profile: ProfileOptions) {
    expectProfile(profile);
    super.setProfile(profile);
  }

  override async list(query?: ListQuery) {
    expectQuery(query);
    return super.list(query);
  }

  override onMessage<Data = unknown>(
    pattern: string,
    handler: MessageHandler<Data>,
    options: HandlerOptions = {},
  ) {
    expectFunction(`handler of ${pattern}`, handler);
    expectNames("option ", options, HANDLER_OPTIONS);
    const tracing = this.#tracing;
    if (!tracing) return super.onMessage(pattern, handler, options);
    const { agentId } = this;
    const traced: MessageHandler<Data> = (subject, data, context) => {
      const message = { ...context, agentId, subject, template: pattern, group: options.group };
      return tracedProcess(tracing, message, () => handler(subject, data, context), this.#warn);
    };
    return super.onMessage(pattern, traced, options);
  }

  override async publish(subject: string | undefined, data?: unknown, options?: PublishOptions) {
    expectNames("option ", options, { to: true, capability: true });
    return this.#send("publish", subject, (trace) =>
      super.publish(subject, data, { ...options, ...trace }),
    );
  }

  override async request<Result = unknown>(
    subject: string | undefined,
    data?: unknown,
    options?: RequestOptions,
  ): Promise<Result> {
    expectNames("option ", options, REQUEST_OPTIONS);
    expectSignal(options?.signal);
    return this.#send("request", subject, (trace) =>
      super.request<Result>(subject, data, { ...options, ...trace }),
    );
  }

  #send<T>(
    operation: TracedSend["operation"],
    subject: string = DIRECT_SUBJECT,
    send: (trace: TraceContext) => Promise<T>,
  ): Promise<T> {
    const message = { agentId: this.agentId, operation, subject };
    return tracedSend(this.#tracing, message, send, this.#warn);
  }

  /** Drains, at the end of the block of an `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }
}

/** What `FleetWatcher` is in Node.js. */
export abstract class NodeWatcher extends Watcher {
  /** @throws ConfigurationError if there is no event of the name, or the listener is no function. */
  override on<Name extends keyof FleetEvents>(
    name: Name,
    listener: (event: FleetEvents[Name]) => void,
  ) {
    expectListener(name, listener, FLEET_EVENTS);
    return super.on(name, listener);
  }

  /** @throws ConfigurationError if there is no event of the name, or the listener is no function. */
  override once<Name extends keyof FleetEvents>(
    name: Name,
    listener: (event: FleetEvents[Name]) => void,
  ) {
    expectListener(name, listener, FLEET_EVENTS);
    return super.once(name, listener);
  }

  /** @throws ConfigurationError if there is no event of the name, or the listener is no function. */
  override off<Name extends keyof FleetEvents>(
    name: Name,
    listener: (event: FleetEvents[Name]) => void,
  ) {
    expectListener(name, listener, FLEET_EVENTS);
    super.off(name, listener);
  }

  override async start(options?: StartOptions) {
    expectStartOptions(options);
    return super.start(options);
  }

  /** Stops, at the end of the block of an `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** An agent's organization in a map that is kept current, over the agent's connection. Times are by the server's clock. */
export class AgentFleet extends NodeWatcher {
  /** @internal */
  constructor(options: ResolvedOptions, environment: AgentEnvironment, shared: SharedConnection) {
    super(
      { ...options, profiles: false },
      {
        ...environment,
        // Its agent logs in.
        key: { isFunction: true, load: () => environment.key.load() },
        createManager: (_, emit) => shared.forWatcher(emit),
      },
    );
  }
}
