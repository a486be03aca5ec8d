/** Sends the messages of a run to its group, each when an earlier one is over, and writes down what became of them. */

import {
  HeartbeatAgent,
  type PublishOptions,
  RemoteError,
  RequestRefusedError,
} from "@agent-heartbeat/sdk";
import { nodeSockets } from "../../../sdk/src/platform/node-socket";
import type { OpenSocket } from "../../../sdk/src/platform/runtime";
import type { Stage } from "../stage/stage";
import {
  CAPABILITY,
  type Outcome,
  type SentTask,
  TASKS,
  type Task,
  type TaskAnswer,
} from "./evidence";

const REQUESTERS = 8;
/** In seconds: longer than the run waits, so no request ends by it. */
const TIMEOUT = 3600;
const PUBLISH_TIMEOUT = 600;
/** Further members that a request may go to. */
const RETRIES = 3;
/** Of so many messages one is no request. */
const PUBLISHED_EACH = 10;
/** The share of messages that are sent to the capability. */
const TO_CAPABILITY = 0.3;
/** Different subjects, whose messages do not wait for each other. */
const SUBJECTS = 16;
/** How long handlers take, in milliseconds. One in a hundred takes longer than a drain waits. */
const WORK_MS = 60;
const LONG_WORK_MS = 3000;
const LONG_EACH = 100;

export class Requesters {
  readonly sent: SentTask[] = [];
  readonly #agents: HeartbeatAgent[] = [];

  private constructor(
    private readonly stage: Stage,
    private readonly random: () => number,
  ) {}

  static async start(stage: Stage, random: () => number): Promise<Requesters> {
    const requesters = new Requesters(stage, random);
    for (let index = 0; index < REQUESTERS; index++) {
      const agentId = `requester-${index + 1}`;
      await stage.registrations.register(agentId);
      const agent = new HeartbeatAgent({
        agentId,
        organizationId: stage.organizationId,
        url: stage.ready.webSocketUrl,
        privateKey: stage.registrations.privateKeyOf(agentId),
        requestTimeout: PUBLISH_TIMEOUT,
        // Not in seconds, as members: each heartbeat is work for the machine.
        heartbeatInterval: 10,
        signals: [],
        logger: null,
        runtime: { openSocket: requesters.#witness },
      });
      requesters.#agents.push(agent);
      await agent.start();
    }
    return requesters;
  }

  /** Sends the next message, and waits for its result. */
  async send(): Promise<void> {
    const { stage, random, sent } = this;
    const task = sent.length;
    const agent = this.#agents[task % REQUESTERS] as HeartbeatAgent;
    const isLong = task % LONG_EACH === 0;
    const data: Task = { task, workMs: isLong ? LONG_WORK_MS : Math.round(random() * WORK_MS) };
    const one: SentTask = {
      task,
      isRequest: task % PUBLISHED_EACH !== PUBLISHED_EACH - 1,
      toCapability: random() < TO_CAPABILITY,
      unreached: 0,
      sentAt: stage.now(),
      endedAt: Number.POSITIVE_INFINITY,
      outcome: null,
    };
    sent.push(one);
    const subject = `${TASKS}.${Math.floor(random() * SUBJECTS)}`;
    const receiver = one.toCapability ? { capability: CAPABILITY } : {};
    one.outcome = await (one.isRequest
      ? request(agent, subject, data, receiver)
      : publish(agent, subject, data, receiver));
    one.endedAt = stage.now();
  }

  /** Opens sockets, and counts messages that reached nobody according to the service. */
  readonly #witness: OpenSocket = (url, protocols, listener) => {
    const tasks = new Map<unknown, number>();
    const socket = nodeSockets()(url, protocols, {
      opened: () => listener.opened(),
      closed: (code, reason) => listener.closed(code, reason),
      refused: (response) => listener.refused(response),
      failed: (error) => listener.failed(error),
      received: (text) => {
        const { type, id, reached } = JSON.parse(text || "{}");
        const one = type === "published" && reached === 0 && this.sent[tasks.get(id) ?? -1];
        if (one) one.unreached += 1;
        listener.received(text);
      },
    });
    return {
      get bufferedAmount() {
        return socket.bufferedAmount;
      },
      send(text) {
        const { type, id, data } = JSON.parse(text);
        if (type === "publish") tasks.set(id, data.task);
        socket.send(text);
      },
      close: (code, reason) => socket.close(code, reason),
      terminate: () => socket.terminate(),
    };
  };

  async stop(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.stop()));
  }
}

async function request(
  agent: HeartbeatAgent,
  subject: string,
  data: Task,
  receiver: PublishOptions,
): Promise<Outcome> {
  try {
    const options = { timeout: TIMEOUT, retries: RETRIES, ...receiver };
    const answer = await agent.request<TaskAnswer>(subject, data, options);
    return { what: "answered", by: answer.by, attempt: answer.attempt };
  } catch (error) {
    return failed(error as Error);
  }
}

async function publish(
  agent: HeartbeatAgent,
  subject: string,
  data: Task,
  receiver: PublishOptions,
): Promise<Outcome> {
  try {
    const { reached } = await agent.publish(subject, data, receiver);
    return { what: "published", reached };
  } catch (error) {
    return failed(error as Error);
  }
}

function failed(error: Error): Outcome {
  const isCoded = error instanceof RemoteError || error instanceof RequestRefusedError;
  return { what: "failed", code: isCoded ? error.code : error.name, message: error.message };
}
