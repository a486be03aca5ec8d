/** What clients try by connecting often: to delay the transitions of others, and to fill their partition. */

import { marshall } from "@aws-sdk/util-dynamodb";
import { transitionCounterKey } from "../../../core/history-record";
import { loginsPartition } from "../../../core/registry-record";
import { type StreamEvent, transitionsHandler } from "../../../lambda/transitions/handler";
import { ConnectionsRecorder, LogRecorder, MetricsRecorder } from "../../../testing/presence";
import { onlineRow } from "../../../testing/status-rows";
import { NOW, range, withCommas } from "./attempt";

/** Every second change in the stream is one agent's. */
export async function flapping() {
  const calls = async (records: StreamEvent["Records"]) => {
    let count = 0;
    const transitions = transitionsHandler({
      events: {
        send: async ({ input }: { input: { Entries: unknown[] } }) => {
          count += 1;
          return { Entries: input.Entries.map(() => ({ EventId: "event" })) };
        },
      } as never,
      eventBusName: "bus",
      connections: new ConnectionsRecorder(),
      subscriptions: { removeConnection: async () => {}, connectionsOf: async () => [] },
      messageRouter: { publish: async () => ({ reached: 0, posts: 0, complete: true }) },
      answerFor: async () => undefined,
      history: { claim: async () => 1, add: async () => {} },
      count: new MetricsRecorder().count,
      clock: () => NOW,
      log: new LogRecorder(),
    });
    await transitions({ Records: records });
    return count;
  };
  const others = range(100).map((index) => came(`agent-${index}`, index));
  const between = others.flatMap((record, index) => [record, came("flapping", 1000 + index)]);
  const [alone, beside] = [await calls(others), await calls(between)];
  return {
    attempt: "an agent that reconnects as often as 100 others together",
    goal: "only its own changes take more calls",
    found: `${alone} calls of the event bus without it, ${beside} with it`,
    met: beside <= 2 * alone,
  };
}

/** Where the writes of a reconnect storm lie. */
export async function manyLogins() {
  const logins = 10_000;
  const perSecond = 500;
  const agents = range(logins).map((index) => `agent-${index}`);
  const partitions = agents.flatMap((agentId) => [
    loginsPartition("acme", agentId),
    // A transition is two writes: the count and the record, in the same partition.
    ...Array(2).fill(transitionCounterKey("acme", agentId).organizationId?.S),
  ]);
  const counts = new Map<string, number>();
  for (const partition of partitions) counts.set(partition, (counts.get(partition) ?? 0) + 1);
  const busiest = Math.round((Math.max(...counts.values()) / logins) * perSecond);
  return {
    attempt: `${perSecond} logins a second of one organization, each with a transition`,
    goal: "less than the 1,000 writes a second that a partition takes",
    found: `${withCommas((perSecond * partitions.length) / logins)} writes a second; the busiest partition key has ${busiest}`,
    met: busiest < 1000,
  };
}

function came(agentId: string, index: number): StreamEvent["Records"][0] {
  return {
    eventID: `event-${agentId}-${index}`,
    dynamodb: {
      SequenceNumber: String(index).padStart(6, "0"),
      NewImage: marshall(onlineRow(NOW, { agentId }), { removeUndefinedValues: true }),
    },
  };
}
