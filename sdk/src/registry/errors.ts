/** Why the registry refused a change. */

import type { RegisteredAgent } from "../../../core/registry-record";
import { AgentHeartbeatError } from "../errors";

/** The root of the registry's own refusals. */
export class RegistryError extends AgentHeartbeatError {
  override name = "RegistryError";
}

/** An agent of this id is registered already. */
export class AgentExistsError extends RegistryError {
  override name = "AgentExistsError";
}

/** No agent of this id is registered in the organization. */
export class UnknownAgentError extends RegistryError {
  override name = "UnknownAgentError";
}

/** The organization has no such enrolment. */
export class UnknownEnrolmentError extends RegistryError {
  override name = "UnknownEnrolmentError";
}

/** The agent already has the maximum number of keys. */
export class TooManyKeysError extends RegistryError {
  override name = "TooManyKeysError";
}

/** The agent holds this key already. */
export class KeyExistsError extends RegistryError {
  override name = "KeyExistsError";
}

/** The agent holds no such key. */
export class UnknownKeyError extends RegistryError {
  override name = "UnknownKeyError";
}

/** The agent's last key can't be removed: disable or remove the agent instead. */
export class LastKeyError extends RegistryError {
  override name = "LastKeyError";
}

/** Others changed the same agent again and again while this change was tried. */
export class ConcurrentChangeError extends RegistryError {
  override name = "ConcurrentChangeError";
}

/**
 * The registry was changed, but not the status table: the agent can't connect any more, and a
 * connection that it holds goes on. The same call again completes the change.
 */
export class IncompleteChangeError extends RegistryError {
  override name = "IncompleteChangeError";
}

export function unknownAgent(organizationId: string, agentId: string): UnknownAgentError {
  return new UnknownAgentError(
    `agent ${agentId}: expected it to be registered in organization ${organizationId}, got no such agent`,
  );
}

export function unknownKey({ agentId, publicKeys }: RegisteredAgent, keyId: string) {
  const held = publicKeys.map((key) => key.keyId).join(", ");
  return new UnknownKeyError(`agent ${agentId}: expected one of its keys (${held}), got ${keyId}`);
}
