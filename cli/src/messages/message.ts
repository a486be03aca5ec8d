/** Puts a message for agents on the event bus, which brings it to those who are connected. */

import {
  type DeliveryMessage,
  DIRECT_SUBJECT,
  EVENT_DETAIL_TYPES,
  isSubject,
  LIMITS,
  RESERVED,
  SUBJECT_FORM,
} from "@agent-heartbeat/sdk/protocol";
import type { Deployment } from "../deployment/deployment";
import { CliError, EXIT, usageError } from "../failure";
import { expectExactNumbers, parseJson } from "../input/json-text";
import { decodeText } from "../input/text-file";
import type { Io } from "../io";

/** Names the sender: agents read it as `event:agent-heartbeat.cli`. */
const SOURCE = "agent-heartbeat.cli";

/** The subject of the message on which an agent with the option `remoteDrain` drains. */
export const DRAIN_SUBJECT = "agent.drain";

/** As long as the ids that EventBridge gives. */
const ANY_EVENT_ID = "00000000-0000-0000-0000-000000000000";

export interface OutgoingMessage {
  /** Only this agent gets it; otherwise who is subscribed to the subject, unless a capability is named. */
  agentId?: string;
  /** Only one agent that has it gets it. */
  capability?: string;
  subject?: string;
  data: unknown;
}

/**
 * Puts a message on the deployment's event bus.
 *
 * @returns its id, which agents get as `messageId`
 * @throws CliError if it could not reach an agent, or the bus refuses it
 */
export async function putMessage(
  { organizationId, target }: Deployment,
  message: OutgoingMessage,
): Promise<string> {
  checkMessage(message);
  const { PutEventsCommand } = await import("@aws-sdk/client-eventbridge");
  const client = await target.eventBridge();
  const { Entries = [] } = await client.send(
    new PutEventsCommand({
      Entries: [
        {
          EventBusName: target.eventBusName,
          Source: SOURCE,
          DetailType: EVENT_DETAIL_TYPES.message,
          Detail: JSON.stringify({ organizationId, ...message }),
        },
      ],
    }),
  );
  const { EventId, ErrorCode, ErrorMessage } = Entries[0] ?? {};
  if (EventId) return EventId;
  throw new CliError(
    `The event bus ${target.eventBusName} refused the message: ${ErrorMessage ?? ErrorCode}`,
    EXIT.failure,
  );
}

/**
 * The data of a message, as it was typed: JSON, or `-` for JSON on the standard input.
 *
 * @throws CliError if it is not JSON, or has a number that would arrive as another one
 */
export async function readData(argument: string | undefined, io: Io): Promise<unknown> {
  if (argument === undefined) return null;
  try {
    const text = argument === "-" ? decodeText(await io.input()) : argument;
    const value = await parseJson(text);
    await expectExactNumbers(text);
    return value;
  } catch (cause) {
    const { message } = cause as Error;
    const hint = `A text is JSON in quotes: '"hello"'.`;
    throw new CliError(`The data is not JSON: ${message}.`, EXIT.usage, hint, { cause });
  }
}

/**
 * The bus accepts messages that agents can't receive, without an error.
 *
 * @throws CliError if the subject or the size of a message can't reach an agent
 */
export function checkMessage({ subject = DIRECT_SUBJECT, data }: OutgoingMessage): void {
  if (!isSubject(subject)) {
    throw usageError(`Subject ${JSON.stringify(subject)}: expected ${SUBJECT_FORM}.`);
  }
  const first = subject.split(".")[0];
  if (first === RESERVED.presence || first === RESERVED.inbox) {
    throw usageError(
      `Subject ${subject}: subjects that begin with ${first} are reserved for the service.`,
    );
  }
  const delivery: DeliveryMessage = {
    type: "message",
    messageId: ANY_EVENT_ID,
    subject,
    data,
    from: `event:${SOURCE}`,
  };
  const bytes = Buffer.byteLength(JSON.stringify(delivery));
  if (bytes <= LIMITS.messageBytes) return;
  throw usageError(
    `The message has ${bytes} bytes, and agents get at most ${LIMITS.messageBytes}.`,
    "Store the data elsewhere, and send a reference to it.",
  );
}

/**
 * The same for a capability.
 *
 * @throws CliError if no agent that has it is online
 */
export async function expectCapable(
  { statuses, organizationId }: Deployment,
  capability: string,
): Promise<void> {
  const most = LIMITS.activityTextLength;
  if (capability.length < 1 || capability.length > most) {
    throw usageError(`The capability has ${capability.length} characters: expected 1 to ${most}.`);
  }
  const online = statuses.agentsWithCapability({ organizationId, status: "online", capability });
  for await (const _ of online) return;
  const hint = `\`status --capability ${capability}\` lists the agents that have it.`;
  const message = `No agent with the capability ${capability} is online, and messages reach only connected agents.`;
  throw new CliError(message, EXIT.failure, hint);
}

/**
 * Nothing keeps a message for an agent that is away: it would be lost without a word.
 *
 * @throws CliError if the agent is offline, or has no status
 */
export async function expectOnline(
  { statuses, organizationId }: Deployment,
  agentId: string,
): Promise<void> {
  const agent = await statuses.getAgent(organizationId, agentId);
  if (agent?.status === "online") return;
  const hint = `\`why ${agentId}\` shows details.`;
  if (agent) {
    const message = `Agent ${agentId} is offline, and messages reach only connected agents.`;
    throw new CliError(message, EXIT.failure, hint);
  }
  const message = `Agent ${agentId} of organization ${organizationId} has no status.`;
  throw new CliError(message, EXIT.notFound, hint);
}
