/** The watcher's entry for browsers, separate from the agent's, because a page needs only one of them. */

import { browserEnvironment } from "../platform/browser-environment";
import { resolveWatcherOptions, type WatcherOptions } from "./options";
import { Watcher } from "./watcher";

export * from "../public";

/**
 * An organization's agents in a map that is kept current, for a registered viewer. Times are by the
 * server's clock.
 */
export class FleetWatcher extends Watcher {
  /** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
  constructor(options: WatcherOptions) {
    super(resolveWatcherOptions(options), browserEnvironment(options));
  }
}
