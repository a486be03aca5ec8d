/** The form of the ids of agents and organizations, and the ids that are taken. */

/** The form of `agentId` and `organizationId`. */
export const ID_PATTERN = /^[\w-][\w.@:/+=%-]{0,127}$/;

/** What an id looks like, for error messages. */
export const ID_FORM =
  "1 to 128 letters, digits or _-.@:/+=%, the first one a letter, a digit, _ or -";

/** The `from` of the service's own messages. */
export const SERVICE_SENDER = "service";

/** How the `from` of a message from the event bus begins. */
export const EVENT_SENDER_PREFIX = "event:";

/** Whether an agent with this id could be mistaken for another sender. Such an agent can't be registered or connect. */
export const isReservedAgentId = (agentId: string): boolean =>
  agentId === SERVICE_SENDER || agentId.startsWith(EVENT_SENDER_PREFIX);

/** Which agent ids are reserved, for error messages. */
export const RESERVED_ID_FORM = `an id other than ${SERVICE_SENDER} and ${EVENT_SENDER_PREFIX}...`;
