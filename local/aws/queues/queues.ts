/** Starts the queues of a template, and what reads from them. */

import type { Clock } from "../clock";
import { LocalRuntimeError } from "../errors";
import type { Invocable } from "../functions/local-function";
import type { Model } from "../resources/model";
import { startQueueMapping } from "./mapping";
import { LocalQueue } from "./queue";

export interface QueuesOptions {
  functionOf(nameOrArn: string): Invocable;
  clock: Clock;
  region: string;
  report(problem: string): void;
}

export interface Queues {
  /** Finds a queue by its URL, whatever host that has. */
  at(url: unknown): LocalQueue | undefined;
  stop(): void;
}

/** @throws LocalRuntimeError if a mapping or a redrive policy names a queue that is not in the template */
export function startQueues(
  { queues, queueMappings }: Pick<Model, "queues" | "queueMappings">,
  options: QueuesOptions,
): Queues {
  const byArn = new Map<string, LocalQueue>();
  const queueOf = (arn: string, of: string) => {
    const queue = byArn.get(arn);
    if (queue) return queue;
    throw new LocalRuntimeError(`${of}: expected a queue of the template, got ${arn}`);
  };
  for (const description of queues) {
    const { deadLetters, logicalId, arn } = description;
    const deadLetter = (message: { body: string }) => {
      if (deadLetters) queueOf(deadLetters.queueArn, logicalId).send(message.body);
    };
    byArn.set(arn, new LocalQueue({ description, clock: options.clock, deadLetter }));
  }
  for (const { deadLetters, logicalId } of queues) {
    if (deadLetters) queueOf(deadLetters.queueArn, logicalId);
  }
  for (const description of queueMappings) {
    const queue = queueOf(description.queueArn, description.logicalId);
    const target = options.functionOf(description.functionName);
    startQueueMapping({ ...options, description, queue, target });
  }
  const pathOf = (url: unknown) => /^https?:\/\/[^/]+(\/.+)$/.exec(String(url))?.[1];
  const all = [...byArn.values()];
  return {
    at: (url) => all.find(({ description }) => pathOf(description.url) === pathOf(url)),
    stop: () => {
      for (const queue of all) queue.stop();
    },
  };
}
