/**
 * A process of real agents of the SDK. Between each and its socket sits a witness that notes what passes
 * on the wire, so that the SDK itself is not asked what it did.
 */

import { HeartbeatAgent, type ReconnectSchedule } from "@agent-heartbeat/sdk";
import { openNodeSocket } from "../../../sdk/src/platform/node-socket";
import type { OpenSocket } from "../../../sdk/src/platform/runtime";
import type { AgentsCommand, AgentsReport, AgentsSettings } from "./agents-messages";
import { joinRun } from "./channel";
import { sharedClock } from "./time";

/** Longest pause between two attempts, in seconds: outages of a run are shorter than those of real life. */
const LONGEST_PAUSE = 20;
/** Windows as the built-in ones, but that none is so long that a run would end before the agent is back. */
const schedule: ReconnectSchedule = (kind, failures) =>
  kind === "unresponsive" && failures === 0 ? 0 : Math.min(LONGEST_PAUSE, 2 * 2 ** failures);

const settings = JSON.parse(process.argv[2] ?? "{}") as AgentsSettings;
const now = sharedClock(settings.origin);
let jumpMs = 0;
let tell: (report: AgentsReport) => void = () => {};
const sockets = new Map<string, Set<string>>();

/** Opens sockets through the agent's own link, names them, and notes what passes. */
function witness(agentId: string, port: number): OpenSocket {
  const open = new Set<string>();
  sockets.set(agentId, open);
  let opened = 0;
  return (url, protocols, listener) => {
    const link = `${agentId}.${process.pid}.${opened++}`;
    const dialled = new URL(url);
    dialled.port = String(port);
    dialled.searchParams.set("link", link);
    const sentAt = new Map<string, number>();
    open.add(link);
    const end = () => {
      if (!open.delete(link)) return;
      tell({ what: "ended", agentId, link, at: now() });
    };
    const socket = openNodeSocket(dialled.href, protocols, {
      opened() {
        tell({ what: "opened", agentId, link, at: now() });
        listener.opened();
      },
      received(text) {
        const message = JSON.parse(text || "null") as Record<string, unknown> | null;
        const sent = sentAt.get(String(message?.id));
        if (message?.type === "heartbeat_ack" && sent !== undefined) {
          tell({ what: "acked", agentId, link, sentAt: sent, at: now() });
        }
        listener.received(text);
      },
      closed(code, reason) {
        end();
        listener.closed(code, reason);
      },
      refused(response) {
        end();
        listener.refused(response);
      },
      failed(error) {
        end();
        listener.failed(error);
      },
    });
    let closing = false;
    return {
      get bufferedAmount() {
        return socket.bufferedAmount;
      },
      send(text) {
        const message = JSON.parse(text) as Record<string, unknown>;
        if (message.type !== "heartbeat") return socket.send(text);
        const id = `beat-${sentAt.size}`;
        sentAt.set(id, now());
        socket.send(JSON.stringify({ ...message, id }));
      },
      close(code, reason) {
        // From here on its end is the agent's own wish, whenever the socket has closed.
        if (!closing) tell({ what: "ended", agentId, link, at: now() });
        closing = true;
        socket.close(code, reason);
      },
      terminate() {
        end();
        socket.terminate();
      },
    };
  };
}

const agents = settings.agents.map(({ agentId, port }) => {
  const { organizationId, url, privateKey, heartbeatInterval, heartbeatTimeoutMultiplier } =
    settings;
  // Its login is for the address that it dials: that of its own link.
  const own = new URL(url);
  own.port = String(port);
  const agent = new HeartbeatAgent({
    agentId,
    organizationId,
    url: own.href,
    privateKey,
    heartbeatInterval,
    heartbeatTimeoutMultiplier,
    rotateAfter: { min: 10, max: 40 },
    drainTimeout: 2,
    reconnect: { schedule, stableAfter: 10 },
    signals: [],
    logger: null,
    runtime: { openSocket: witness(agentId, port), now: () => now() + jumpMs },
  });
  agent.onMessage(`chaos.${agentId}`, () => {});
  return agent;
});

async function leave(drain: boolean): Promise<void> {
  await Promise.all(agents.map((agent) => (drain ? agent.drain() : agent.stop())));
  // Closed sockets are let go in the turns that follow.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const handles = process
    .getActiveResourcesInfo()
    .filter((name) => name === "TCPSocketWrap" || name === "TCPWRAP" || name === "TCPConnectWrap");
  tell({
    what: "left",
    sockets: Object.fromEntries([...sockets].map(([agentId, open]) => [agentId, open.size])),
    // One is the channel to the run.
    handles: Math.max(0, handles.length - 1),
  });
}

void joinRun<AgentsReport, AgentsCommand>(settings.receptionPort, settings.name, (command) => {
  if (command.do === "jump") jumpMs += command.ms;
  else void leave(command.drain);
}).then((channel) => {
  tell = (report) => channel.send(report);
  for (const agent of agents) agent.start().catch(() => undefined);
});
