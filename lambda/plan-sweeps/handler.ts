/** Plans the sweeps of the coming minute, where they are closer together than EventBridge's schedules go. */

import { SendMessageBatchCommand, type SQSClient } from "@aws-sdk/client-sqs";

const MINUTE_SECONDS = 60;

export interface PlanSweepsDependencies {
  queue: Pick<SQSClient, "send">;
  queueUrl: string;
  /** Time between two sweeps, in seconds: a minute is a whole number of them, at most ten. */
  intervalSeconds: number;
}

/**
 * Sends one message for each sweep of a minute, each delayed until its time. A minute that is planned
 * twice is swept twice as often, which does no harm.
 */
export function planSweepsHandler({ queue, queueUrl, intervalSeconds }: PlanSweepsDependencies) {
  return async (): Promise<void> => {
    const count = MINUTE_SECONDS / intervalSeconds;
    const { Failed = [] } = await queue.send(
      new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: Array.from({ length: count }, (_, index) => ({
          Id: String(index),
          MessageBody: "sweep",
          DelaySeconds: index * intervalSeconds,
        })),
      }),
    );
    const [failure] = Failed;
    if (!failure) return;
    throw new Error(`${Failed.length} of ${count} sweeps are not planned: ${failure.Message}`);
  };
}
