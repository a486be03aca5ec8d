/** Brings `Agent Message` events of the bus to agents, so that any AWS service can speak to them. */

import * as v from "valibot";
import { EVENT_SENDER_PREFIX, ID_PATTERN } from "../../core/agent-id";
import { capability, MessageError, NESTING_FORM } from "../../core/client-messages";
import { isShallow } from "../../core/json";
import type { DeliveryMessage } from "../../core/protocol";
import { DIRECT_SUBJECT, isSubject, RESERVED, SUBJECT_FORM } from "../../core/subject";
import { firstTokenOf } from "../../core/subscription-keys";
import { traceOf } from "../../core/trace-context";
import type { MessageRouter } from "../messaging/message-router";
import { checkSize } from "../publish/handler";
import type { Log } from "../shared/log";
import type { MetricsSink } from "../shared/metrics";

/** An event as EventBridge hands it over, as far as it is read. */
export interface MessageEvent {
  id: string;
  source: string;
  time: string;
  detail: unknown;
}

export interface DeliverDependencies {
  messageRouter: Pick<MessageRouter, "publish" | "send" | "sendToCapable">;
  clock: () => number;
  log: Log;
  metrics: MetricsSink;
}

const identifier = v.pipe(v.string(), v.regex(ID_PATTERN));

const detailSchema = v.pipe(
  v.object({
    organizationId: identifier,
    agentId: v.optional(identifier),
    capability: v.optional(capability),
    subject: v.optional(v.pipe(v.string(), v.check(isSubject, `expected ${SUBJECT_FORM}`))),
    data: v.optional(v.pipe(v.unknown(), v.check(isShallow, NESTING_FORM)), null),
    // A message is not lost for a trace.
    traceparent: v.fallback(v.optional(v.string()), undefined),
    tracestate: v.fallback(v.optional(v.string()), undefined),
  }),
  v.check(
    ({ agentId, capability, subject }) => (agentId ?? capability ?? subject) !== undefined,
    "expected agentId, capability or subject",
  ),
  v.check(
    ({ agentId, capability }) => agentId === undefined || capability === undefined,
    "expected agentId or capability, got both",
  ),
  v.check(
    ({ subject = DIRECT_SUBJECT }) =>
      ![RESERVED.presence, RESERVED.inbox].some((token) => token === firstTokenOf(subject)),
    "expected a subject that is not reserved",
  ),
);

/**
 * A malformed event is logged and counted, and not retried. A failure of
 * the service's own is thrown: Lambda tries again, with the same message id.
 */
export function deliverHandler({ messageRouter, clock, log, metrics }: DeliverDependencies) {
  return async ({ id, source, detail }: MessageEvent): Promise<{ reached: number }> => {
    const refuse = (fault: string) => {
      log.warn({ event: "message_event_refused", eventId: id, source, fault });
      metrics.addMetric("MessageEventsRefused", "Count", 1);
      metrics.publishStoredMetrics();
      return { reached: 0 };
    };
    const result = v.safeParse(detailSchema, detail, { abortEarly: true });
    if (!result.success) {
      const [issue] = result.issues;
      return refuse([v.getDotPath(issue), issue.message].filter(Boolean).join(": "));
    }
    const { agentId, capability, subject = DIRECT_SUBJECT, data } = result.output;
    const message: DeliveryMessage = {
      type: "message",
      messageId: id,
      subject,
      data,
      from: `${EVENT_SENDER_PREFIX}${source}`,
      ...((agentId ?? capability) !== undefined && { direct: true as const }),
      ...traceOf(result.output),
    };
    try {
      checkSize(message);
    } catch (error) {
      if (error instanceof MessageError) return refuse(error.message);
      throw error;
    }
    const reached = await deliver(message, result.output);
    log.info({ event: "message_event_delivered", eventId: id, reached });
    return { reached };
  };

  async function deliver(
    message: DeliveryMessage,
    { organizationId, agentId, capability }: v.InferOutput<typeof detailSchema>,
  ): Promise<number> {
    const now = clock();
    if (agentId) return messageRouter.send(organizationId, agentId, message, now);
    if (capability) return messageRouter.sendToCapable(organizationId, capability, message, now);
    return (await messageRouter.publish(organizationId, message, now)).reached;
  }
}
