/** What an assistant may ask. Answers are short for a fleet of any size: counts first, then a page. */

import type { AgentPresence, AgentTransition } from "@agent-heartbeat/sdk/status";
import { z } from "zod";
import type { Deployment } from "../deployment/deployment";
import { serverTime } from "../deployment/server-time";
import { countsOf } from "../diagnosis/counts";
import { diagnose } from "../diagnosis/diagnosis";
import { factsOf } from "../diagnosis/facts";
import { usageError } from "../failure";
import type { Io } from "../io";
import { activityText } from "../status/activity";
import { massExpiryWarning } from "../status/mass-expiry";
import { readAgents } from "../status/read-agents";
import { STATUS_FILTERS, type StatusFilter, wordOf } from "../status/status-filter";
import { ago, duration, moment } from "../terminal/durations";
import { type AddTool, AGENT, type Lines } from "./tool";

/** Online, but its work does not advance, or its process does not react. */
const STUCK = "stuck";

const DEFAULT_PAGE = 25;
const LARGEST_PAGE = 100;
const LIMIT = z
  .number()
  .int()
  .min(1)
  .max(LARGEST_PAGE)
  .default(DEFAULT_PAGE)
  .describe("most lines to return");

/** As many stuck agents as a summary names. */
const NAMED = 10;

const MINUTE_MS = 60_000;
const LONGEST_MINUTES = 30 * 24 * 60;

export function addQuestions(add: AddTool): void {
  add(
    "fleet_summary",
    {
      description:
        "How many agents are online, stalled, draining, blocked and offline, and for which reasons; names those that are stuck, and why.",
      inputSchema: z.object({}),
    },
    summarize,
  );
  add(
    "list_agents",
    {
      description:
        "Lists agents in the order of their ids, with status, reason and activity: the number of matches, then one page of them.",
      inputSchema: z.object({
        status: z
          .enum([...STATUS_FILTERS, STUCK])
          .optional()
          .describe("stuck means online, but stalled or blocked"),
        reason: z.string().optional().describe("why it is offline, such as lease_expired"),
        capability: z.string().optional().describe("only agents that report this capability"),
        prefix: z.string().optional().describe("only ids that begin with this"),
        after: z.string().optional().describe("the last id of the previous page"),
        limit: LIMIT,
      }),
    },
    list,
  );
  add(
    "why",
    {
      description:
        "Explains one agent's status from everything that is stored about it, and says what to do.",
      inputSchema: z.object({ agent: AGENT }),
    },
    why,
  );
  add(
    "agent_history",
    {
      description:
        "When one agent came online, went offline, stalled, recovered or drained, newest first: its last 50 transitions within 30 days.",
      inputSchema: z.object({ agent: AGENT, limit: LIMIT }),
    },
    async ({ statuses, organizationId }, { agent, limit }) => {
      const history = await statuses.history(organizationId, agent);
      return transitionLines(
        history.map((record) => ({ ...record, agentId: agent })),
        `of ${agent} are kept`,
        limit,
      );
    },
  );
  add(
    "events",
    {
      description:
        "What happened in the fleet within a period: how often each event and reason occurred, then the newest events.",
      inputSchema: z.object({
        minutes: z
          .number()
          .min(1)
          .max(LONGEST_MINUTES)
          .default(60)
          .describe("how long the time is"),
        until: z
          .string()
          .optional()
          .describe("the end of the period, ISO 8601 with a time zone; default: now"),
        event: z.enum(["online", "offline", "stalled", "recovered", "draining"]).optional(),
        reason: z.string().optional(),
        limit: LIMIT,
      }),
    },
    events,
  );
}

async function summarize(deployment: Deployment, _: object, io: Io): Promise<Lines> {
  const { statuses, organizationId } = deployment;
  const agents = await readAgents(deployment);
  const massExpiry = await statuses.massExpiry(organizationId);
  const now = serverTime(deployment, io);
  const stuck = agents.filter(isStuck);
  const offline = agents.filter(({ status }) => status === "offline");
  const words = counted(agents.filter(({ status }) => status === "online").map(stateOf));
  return [
    `${agents.length} agents of ${organizationId} at ${moment(now)}: ${agents.length - offline.length} online, ${offline.length} offline.`,
    ...(words ? [`Online by state: ${words}.`] : []),
    ...(offline.length > 0
      ? [`Offline by reason: ${counted(offline.map(({ reason }) => reason ?? "lease_expired"))}.`]
      : []),
    ...(massExpiry ? [massExpiryWarning(massExpiry, now)] : []),
    ...(stuck.length > 0 ? [`${stuck.length} stuck:`] : ["None is stuck."]),
    ...stuck.slice(0, NAMED).map((agent) => line(agent, now)),
    ...(stuck.length > NAMED
      ? [`and ${stuck.length - NAMED} more: list_agents with status ${STUCK} names them.`]
      : []),
  ];
}

interface Wanted {
  status?: StatusFilter | typeof STUCK | undefined;
  reason?: string | undefined;
  capability?: string | undefined;
  prefix?: string | undefined;
  after?: string | undefined;
  limit: number;
}

async function list(deployment: Deployment, wanted: Wanted, io: Io): Promise<Lines> {
  const { status, reason, capability, prefix = "", after = "", limit } = wanted;
  const filter = status === STUCK ? "online" : status;
  const agents = (await readAgents(deployment, filter, capability)).filter(
    (agent) =>
      agent.agentId.startsWith(prefix) &&
      (status !== STUCK || isStuck(agent)) &&
      (reason === undefined || agent.reason === reason),
  );
  const rest = agents.filter(({ agentId }) => agentId > after);
  const page = rest.slice(0, limit);
  const now = serverTime(deployment, io);
  const last = page.at(-1);
  return [
    `${agents.length} match${after ? `, ${rest.length} of them after ${after}` : ""}.`,
    ...page.map((agent) => line(agent, now)),
    ...(last && rest.length > page.length ? [`For more: after ${last.agentId}.`] : []),
  ];
}

async function why(deployment: Deployment, { agent }: { agent: string }, io: Io): Promise<Lines> {
  const facts = await factsOf(deployment, agent, io);
  const { explanation, advice } = diagnose(facts);
  return [explanation.join(" "), ...advice.map((step) => `→ ${step}`)];
}

interface Period {
  minutes: number;
  until?: string | undefined;
  event?: string | undefined;
  reason?: string | undefined;
  limit: number;
}

async function events(deployment: Deployment, period: Period, io: Io): Promise<Lines> {
  const { minutes, event, reason, limit } = period;
  const all = await deployment.statuses.transitions(deployment.organizationId);
  const until = period.until === undefined ? serverTime(deployment, io) : Date.parse(period.until);
  if (Number.isNaN(until)) {
    throw usageError(`until: expected a time such as 2026-11-24T18:20:05Z, got ${period.until}.`);
  }
  const since = until - minutes * MINUTE_MS;
  const found = all.filter(
    (one) =>
      one.at > since &&
      one.at <= until &&
      (event === undefined || one.event === event) &&
      (reason === undefined || one.reason === reason),
  );
  return transitionLines(found, `from ${moment(since)} to ${moment(until)}`, limit);
}

function transitionLines(found: readonly AgentTransition[], which: string, limit: number): Lines {
  const counts = counted(found.map(({ event, reason }) => `${event} (${reason})`));
  return [
    `${found.length} transitions ${which}${counts ? `: ${counts}` : ""}.`,
    ...found
      .slice(0, limit)
      .map(({ at, agentId, event, reason }) => `${moment(at)}  ${agentId}  ${event} (${reason})`),
    ...(found.length > limit ? [`and ${found.length - limit} earlier ones.`] : []),
  ];
}

/** One agent in a line. */
function line(agent: AgentPresence, now: number): string {
  const { agentId, status, since, lastHeartbeatAt, reason } = agent;
  const activity = activityText(agent, now);
  return [
    agentId,
    `${wordOf(agent)} for ${duration(now - since)}`,
    ...(status === "offline" ? [reason ?? "lease_expired"] : []),
    `heartbeat ${ago(lastHeartbeatAt, now)}`,
    ...(activity ? [activity] : []),
  ].join(", ");
}

const isBlocked = ({ activity }: AgentPresence) => activity?.state === "blocked";

function isStuck(agent: AgentPresence): boolean {
  return agent.status === "online" && (agent.stalledSince !== null || isBlocked(agent));
}

/** What an online agent does, in one word. */
function stateOf(agent: AgentPresence): string {
  if (agent.stalledSince !== null) return "stalled";
  return agent.activity?.state ?? "unknown";
}

/** `12 idle, 3 working`, the most first. */
function counted(words: readonly string[]): string {
  return [...countsOf(words)]
    .sort(([, one], [, other]) => other - one)
    .map(([word, count]) => `${count} ${word}`)
    .join(", ");
}
