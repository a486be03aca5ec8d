/** Entry of the heartbeat thread: a link whose agent is on the other side of a port. */

import { workerData } from "node:worker_threads";
import { ConnectionManager } from "../../connection/connection-manager";
import { isFinal } from "../../connection/state";
import { nodeRuntime } from "../node-runtime";
import { type FromManager, PULSE_MS, type ThreadStart, type ToManager } from "./messages";

const { options, port, pulse } = workerData as ThreadStart;

const runtime = {
  ...nodeRuntime,
  observedLagMs: () =>
    Math.max(0, Math.round(nodeRuntime.monotonic() - (pulse[0] ?? 0) - PULSE_MS)),
};

const link = new ConnectionManager(options, runtime, (event) => {
  port.postMessage({ event, health: link.health() } satisfies FromManager);
  if (event.type === "state" && isFinal(event.change.state)) port.close();
});

port.on("message", (message: ToManager) => {
  if (message.call === "send") link.send(message.message);
  else if (message.call === "setSubscriptions") link.setSubscriptions(message.patterns);
  else if (message.call === "setActivity") link.setActivity(message.activity);
  else if (message.call === "stop") link.stop(message.cause);
  else link[message.call]();
});
