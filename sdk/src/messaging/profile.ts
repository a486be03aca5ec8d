/** What an agent publishes beside its presence: checked as the server does, and sent once. */

import { isObject } from "../../../core/json";
import { LIMITS } from "../../../core/limits";
import type { Profile } from "../../../core/presence";
import type { ProfileMessage } from "../../../core/protocol";
import { invalid } from "../checks";
import { ConfigurationError, RequestRefusedError } from "../errors";
import { describe } from "../user-code";
import { jsonOf } from "./json-data";

/** Whether it may be the name of a capability. */
export const isCapability = (name: unknown): name is string =>
  typeof name === "string" && name.length > 0 && name.length <= LIMITS.activityTextLength;

/** The parts of a profile. */
export interface ProfileOptions {
  /** What the agent can do: at most 50 names of 1 to 64 characters. */
  capabilities?: readonly string[] | undefined;
  /** Additional information about the agent: plain JSON, at most 4 KB together with the capabilities. */
  metadata?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * A profile as it is sent; null where neither part is given.
 *
 * @throws ConfigurationError if the server would refuse it.
 */
export function profileOf({ capabilities, metadata }: ProfileOptions): Profile | null {
  if (capabilities === undefined && metadata === undefined) return null;
  const most = LIMITS.capabilities;
  const length = LIMITS.activityTextLength;
  const names = capabilities ?? [];
  if (!Array.isArray(names) || names.length > most || !names.every(isCapability)) {
    const expected = `at most ${most} texts of 1 to ${length} characters`;
    throw invalid("capabilities", expected, capabilities);
  }
  if (metadata !== undefined && !isObject(metadata)) {
    throw invalid("metadata", "an object", metadata);
  }
  let text: string;
  try {
    text = JSON.stringify({ capabilities: names, metadata: jsonOf(metadata ?? {}, "metadata") });
  } catch (cause) {
    throw new ConfigurationError(`option ${describe(cause)}`, { cause });
  }
  const bytes = new TextEncoder().encode(text).byteLength;
  if (bytes <= LIMITS.profileBytes) return JSON.parse(text) as Profile;
  throw invalid("metadata", `at most ${LIMITS.profileBytes} bytes with capabilities`, bytes);
}

/** Sends a profile once, and again only if it has changed or did not arrive. */
export class ProfilePublisher {
  #untold: Profile | null;
  #publishing = false;

  constructor(
    profile: Profile | null,
    private readonly connection: { request(message: ProfileMessage): Promise<unknown> },
    private readonly logger: { warn(message: string): void },
  ) {
    this.#untold = profile;
  }

  set(profile: Profile | null): void {
    this.#untold = profile ?? { capabilities: [], metadata: {} };
  }

  /** Call it whenever there is a connection: it does nothing if there is nothing to send. */
  async sendProfile(): Promise<void> {
    const profile = this.#untold;
    if (!profile || this.#publishing) return;
    this.#publishing = true;
    try {
      await this.connection.request({ type: "profile", ...profile });
      if (this.#untold === profile) this.#untold = null;
    } catch (error) {
      // Any other failure is retried with the next ack.
      if (error instanceof RequestRefusedError && error.code !== "internal") {
        if (this.#untold === profile) this.#untold = null;
        this.logger.warn(error.message);
      }
    }
    this.#publishing = false;
  }
}
