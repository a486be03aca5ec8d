/** The SDK's entry for browsers: no Node.js built-ins, and the page's own WebSocket. */

import { Agent } from "./agent";
import { type AgentOptions, resolveOptions } from "./options";
import { browserEnvironment } from "./platform/browser-environment";
import { warnOfSimpleAgent } from "./simple-warning";

export * from "./public";

/** An agent that stays connected and sends heartbeats. */
export class HeartbeatAgent extends Agent {
  /** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
  constructor(options: AgentOptions) {
    super(resolveOptions(options, "heartbeat"), browserEnvironment(options));
  }
}

/**
 * The same without heartbeats and without reconnecting, for development: it reads as offline when its
 * first lease has run out.
 */
export class SimpleAgent extends Agent {
  /** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
  constructor(options: AgentOptions) {
    const resolved = resolveOptions(options, "simple");
    super(resolved, browserEnvironment(options));
    warnOfSimpleAgent(resolved.logger);
  }
}
