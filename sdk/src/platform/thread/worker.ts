/** Entry of the heartbeat thread: a connection manager whose agent is on the other side of a port. */

import { workerData } from "node:worker_threads";
import type { SigningKey } from "../../connection/keys";
import { isFinal } from "../../connection/state";
import { KeyError } from "../../errors";
import { EnrolmentRefusedError } from "../enrolment-refusal";
import { nodeConnectionManager } from "../http/node-connection-manager";
import { lastingKey } from "../lasting-key";
import { nodeRuntime } from "../node-runtime";
import {
  type FromManager,
  type KeyRefusal,
  PULSE_MS,
  type ThreadStart,
  type ToManager,
} from "./messages";

const { options, port, pulse } = workerData as ThreadStart;

const runtime = {
  ...nodeRuntime,
  observedLagMs: () =>
    Math.max(0, Math.round(nodeRuntime.monotonic() - (pulse[0] ?? 0) - PULSE_MS)),
};

/** Waits for the answer of the agent's thread, which may be blocked: the last key serves then. */
let settleKey: { resolve(key: SigningKey): void; reject(error: Error): void } | undefined;
const source = {
  isFunction: true,
  load: () =>
    new Promise<SigningKey>((resolve, reject) => {
      settleKey = { resolve, reject };
      port.postMessage({ wantsKey: true } satisfies FromManager);
    }),
};
const { load: loadKey } = lastingKey(source, runtime, options.connectTimeoutMs, () => {});

const manager = nodeConnectionManager(
  { ...options, loadKey },
  runtime,
  (event) => {
    port.postMessage({ event, health: manager.health() } satisfies FromManager);
    if (event.type === "state" && isFinal(event.change.state)) port.close();
  },
  { warn: (warning) => port.postMessage({ warning } satisfies FromManager) },
);

port.on("message", (message: ToManager) => {
  if (message.call === "send") manager.send(message.message);
  else if (message.call === "setSubscriptions") manager.setSubscriptions(message.patterns);
  else if (message.call === "setActivity") manager.setActivity(message.activity);
  else if (message.call === "key") {
    if ("key" in message) settleKey?.resolve(message.key);
    else settleKey?.reject(keyErrorOf(message.failed, message.refusal));
  } else if (message.call === "stop") manager.stop(message.cause);
  else manager[message.call]();
});

function keyErrorOf(message: string, refusal: KeyRefusal | undefined): KeyError {
  if (!refusal) return new KeyError(message);
  const { status, reason, retryAfterMs } = refusal;
  return new EnrolmentRefusedError(message, status, reason, retryAfterMs);
}
