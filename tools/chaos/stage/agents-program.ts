/**
 * A process of SDK agents. A recorder between each agent and its socket records all messages, so the evidence does not depend
 * on the SDK.
 */

import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest, IncomingMessage } from "node:http";
import { HeartbeatAgent, type ReconnectSchedule } from "@agent-heartbeat/sdk";
import { nodeSockets } from "../../../sdk/src/platform/node-socket";
import type { OpenSocket } from "../../../sdk/src/platform/runtime";
import { GROUP, TASKS, type Task, type TaskAnswer } from "../groups/evidence";
import type { AgentPlace, AgentsCommand, AgentsReport, AgentsSettings } from "./agents-messages";
import { joinRun } from "./channel";
import { sharedClock } from "./time";

/** The longest delay between attempts, in seconds: a run's outages are short. */
const LONGEST_PAUSE = 8;
/** The built-in windows, but short enough that agents reconnect before the run ends. */
const schedule: ReconnectSchedule = (kind, failures) =>
  kind === "unresponsive" && failures === 0 ? 0 : Math.min(LONGEST_PAUSE, 2 * 2 ** failures);

const settings = JSON.parse(process.argv[2] ?? "{}") as AgentsSettings;
const now = sharedClock(settings.origin);
let jumpMs = 0;
let send: (report: AgentsReport) => void = () => {};
/** Connections of all agents. Their names must stay unique when an agent is restarted. */
let opened = 0;
const sockets = new Map<string, Set<string>>();
/** Each agent's connections that are open for it, in the order of their handshakes. */
const live = new Map<string, Set<string>>();
/** What each port for HTTP is the way of. */
const agentOfHttpPort = new Map<string, string>();

/** Records heartbeats over HTTP at Node.js's own client. They count for the agent's newest connection. */
function witnessHttp(): void {
  const sent = new Map<unknown, { agentId: string; link: string; sentAt: number }>();
  subscribe("http.client.request.start", (message) => {
    const { request } = message as { request: ClientRequest };
    const agentId = agentOfHttpPort.get(String(request.getHeader("host")).split(":")[1] ?? "");
    const link = [...(live.get(agentId ?? "") ?? [])].at(-1);
    if (agentId && link) sent.set(request, { agentId, link, sentAt: now() });
    request.once("close", () => sent.delete(request));
  });
  subscribe("http.client.response.finish", (message) => {
    const { request, response } = message as { request: unknown; response: IncomingMessage };
    const own = sent.get(request);
    if (!own || response.statusCode !== 200 || !live.get(own.agentId)?.has(own.link)) return;
    send({ what: "acked", ...own, at: now(), overHttp: true });
  });
}

/** Opens sockets through the agent's link, names them, and records their messages. */
function witness(agentId: string, port: number): OpenSocket {
  // The same as before a restart, because an earlier socket may still be closing.
  const open = sockets.get(agentId) ?? new Set<string>();
  sockets.set(agentId, open);
  const alive = live.get(agentId) ?? new Set<string>();
  live.set(agentId, alive);
  return (url, protocols, listener) => {
    const link = `${agentId}.${process.pid}.${opened++}`;
    const dialled = new URL(url);
    dialled.port = String(port);
    dialled.searchParams.set("link", link);
    const sentAt = new Map<string, number>();
    open.add(link);
    const end = () => {
      alive.delete(link);
      if (!open.delete(link)) return;
      send({ what: "ended", agentId, link, at: now() });
    };
    const socket = nodeSockets()(dialled.href, protocols, {
      opened() {
        send({ what: "opened", agentId, link, at: now() });
        alive.add(link);
        listener.opened();
      },
      received(text) {
        const message = JSON.parse(text || "null") as Record<string, unknown> | null;
        const sent = sentAt.get(String(message?.id));
        if (message?.type === "message") {
          const { sentAt } = message.data as { sentAt?: number };
          if (sentAt !== undefined) send({ what: "heard", agentId, sentAt, at: now() });
        }
        // The row is the newer process's from here on.
        if (message?.type === "superseded") {
          alive.delete(link);
          send({ what: "ended", agentId, link, at: now() });
        }
        if (message?.type === "heartbeat_ack" && sent !== undefined) {
          send({ what: "acked", agentId, link, sentAt: sent, at: now() });
        }
        listener.received(text);
      },
      closed(code, reason) {
        end();
        listener.closed(code, reason);
      },
      refused(response) {
        end();
        send({ what: "refused", agentId, status: response.status });
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
        // The agent ends the connection here, whenever the socket closes.
        if (!closing) send({ what: "ended", agentId, link, at: now() });
        closing = true;
        alive.delete(link);
        socket.close(code, reason);
      },
      terminate() {
        end();
        socket.terminate();
      },
    };
  };
}

function agentAt({
  agentId,
  port,
  httpPort,
  privateKey,
  capabilities,
}: AgentPlace): HeartbeatAgent {
  const { organizationId, url, heartbeatInterval, heartbeatTimeoutMultiplier } = settings;
  // Its login is for the address that it dials: that of its own proxy port.
  const own = new URL(url);
  own.port = String(port);
  if (httpPort !== undefined) agentOfHttpPort.set(String(httpPort), agentId);
  const agent = new HeartbeatAgent({
    ...(httpPort !== undefined && {
      heartbeatTransport: "http",
      httpUrl: `http://127.0.0.1:${httpPort}`,
    }),
    ...(capabilities.length > 0 && { capabilities }),
    agentId,
    organizationId,
    url: own.href,
    privateKey,
    heartbeatInterval,
    heartbeatTimeoutMultiplier,
    onDuplicate: settings.onDuplicate,
    rotateAfter: settings.rotateAfter,
    drainTimeout: 2,
    reconnect: { schedule, stableAfter: 10 },
    signals: [],
    logger: null,
    runtime: { openSocket: witness(agentId, port), now: () => now() + jumpMs },
  });
  agent.onMessage(`chaos.${agentId}`, () => {});
  if (settings.handlesTasks) handleTasks(agent);
  agent.on("state", ({ state }) => {
    if (state === "superseded") send({ what: "superseded", agentId });
  });
  return agent;
}

function handleTasks(agent: HeartbeatAgent): void {
  const { agentId } = agent;
  agent.onMessage<Task>(
    `${TASKS}.*`,
    async (_, { task, workMs }, { messageId = "", attempt = null }): Promise<TaskAnswer> => {
      send({ what: "handling", agentId, task, messageId, attempt, at: now() });
      await new Promise((resolve) => setTimeout(resolve, workMs));
      return { by: agentId, attempt };
    },
    { group: GROUP, concurrency: 4 },
  );
}

witnessHttp();
const agents = settings.agents.map(agentAt);

/** Restarts an agent, with another key if one is given, or after a drain. */
function renew(agentId: string, { privateKey, drain }: { privateKey?: string; drain?: true } = {}) {
  const index = settings.agents.findIndex((place) => place.agentId === agentId);
  const place = settings.agents[index];
  if (!place) return;
  if (privateKey !== undefined) place.privateKey = privateKey;
  const former = agents[index];
  const agent = agentAt(place);
  agents[index] = agent;
  void (drain ? former?.drain() : former?.stop())?.then(() => {
    if (drain) send({ what: "drained", agentId, at: now() });
    // Unless it was renewed again meanwhile.
    if (agents[index] === agent) agent.start().catch(() => undefined);
  });
}

async function leave(drain: boolean): Promise<void> {
  await Promise.all(agents.map((agent) => (drain ? agent.drain() : agent.stop())));
  // Closed sockets are released in the following turns.
  await new Promise((resolve) => setTimeout(resolve, 100));
  send({
    what: "left",
    sockets: Object.fromEntries([...sockets].map(([agentId, open]) => [agentId, open.size])),
  });
}

void joinRun<AgentsReport, AgentsCommand>(settings.receptionPort, settings.name, (command) => {
  if (command.do === "jump") jumpMs += command.ms;
  else if (command.do === "revive") renew(command.agentId);
  else if (command.do === "change key") renew(command.agentId, command);
  else if (command.do === "drain") for (const id of command.agentIds) renew(id, { drain: true });
  else void leave(command.drain);
}).then((channel) => {
  send = (report) => channel.send(report);
  for (const agent of agents) agent.start().catch(() => undefined);
});
