/** What a client with a valid key tries at the expense of others, on the real engine. */

import { type DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import pLimit from "p-limit";
import { transitionCounterKey } from "../../../core/history-record";
import { LIMITS, RATES } from "../../../core/limits";
import { agentRecordId, loginsPartition } from "../../../core/registry-record";
import type { StatusRow } from "../../../core/status";
import { SenderRates } from "../../../lambda/shared/sender-rates";
import { type StreamEvent, transitionsHandler } from "../../../lambda/transitions/handler";
import { type Engine, startEngine } from "../../../testing/engine";
import {
  ConnectionsRecorder,
  LogRecorder,
  MetricsRecorder,
  OPEN_GUARD,
  routeEvent,
  storedRow,
} from "../../../testing/presence";
import { composeOpenRoutes } from "../../../testing/routes";
import { offlineRow, onlineRow, putRows } from "../../../testing/status-rows";
import { Meter } from "../billing-units/meter";
import { composeService } from "../billing-units/service";
import type { MeasureOptions } from "../section";

export interface Attempt {
  attempt: string;
  goal: string;
  found: string;
  met: boolean;
}

const NOW = 1_790_000_000_000;
/** The largest text in JSON: six bytes for each character. */
const CONTROL = "\u0001";
const parallel = pLimit(32);
const withCommas = (count: number) => count.toLocaleString("en-US");
const range = (length: number) => Array.from({ length }, (_, index) => index);
const UNHURRIED = { getRemainingTimeInMillis: () => 60_000 };

type Try = (engine: Engine) => Promise<Attempt>;

export async function attempts({ progress }: MeasureOptions): Promise<Attempt[]> {
  const results: Attempt[] = [];
  for (const attempt of [
    floodFromManyContainers,
    rareFilter,
    largestPage,
    flapping,
    massSilence,
    subscriptionsOfManyConnections,
    failingRow,
    manyLogins,
  ] satisfies Try[]) {
    const engine = await startEngine({ stream: false });
    try {
      const result = await attempt(engine);
      progress(`${result.attempt}: ${result.found}`);
      results.push(result);
    } finally {
      await engine.stop();
    }
  }
  return results;
}

/** Two thousand a second for as long as its rate is counted at once. */
async function floodFromManyContainers({ client, subscriptionsTableName }: Engine) {
  const { burst, perSecond } = RATES.history;
  const seconds = burst / perSecond;
  const count = 2000 * seconds;
  const begin = seconds * 1000 * 1_000_000;
  const outcomes = await parallel.map(range(count), (index) =>
    new SenderRates(client, subscriptionsTableName).spend(
      { organizationId: "acme", agentId: "flood" },
      "history",
      begin + (index * seconds * 1000) / count,
    ),
  );
  const served = outcomes.filter((outcome) => outcome === "admitted").length;
  const closed = outcomes.includes("close") ? "its connection is closed" : "never closed";
  return {
    attempt: `${withCommas(count)} \`history\` messages of one agent in ${seconds} s, each to a container that has seen none`,
    goal: `at most ${burst} are served`,
    found: `${served} are served; ${closed}`,
    met: served <= burst,
  };
}

/** Two of four thousand match. */
async function rareFilter(engine: Engine) {
  const rows = range(4000).map((index) => {
    const named = { agentId: `agent-${String(index).padStart(4, "0")}` };
    return index % 2000 === 1500 ? offlineRow(NOW, named) : onlineRow(NOW, named);
  });
  await putRows(engine.client, engine.statusTableName, rows);
  const meter = new Meter(engine.statusTableName);
  const service = composeService(engine, meter, () => NOW, OPEN_GUARD);
  let cursor: string | null = null;
  let most = 0;
  let messages = 0;
  let matches = 0;
  do {
    const body = { type: "list", status: "offline", profiles: true, cursor };
    const { body: answer = "" } = await service.list(messageAt("list", body));
    most = Math.max(most, meter.take().statusReadUnits);
    const page = JSON.parse(answer);
    matches += page.agents.length;
    messages += 1;
    ({ cursor } = page);
  } while (cursor !== null);
  service.close();
  return {
    attempt: "a `list` with a filter that 2 of 4,000 agents match",
    goal: "one message reads a fixed part of the table",
    found: `${matches} in ${messages} messages, each of at most ${most} read units of the status table`,
    met: messages > 1 && matches === 2,
  };
}

/** Each agent with the largest profile and activity that it may have, in characters that take most bytes. */
async function largestPage(engine: Engine) {
  const activity = { state: "working", task: CONTROL.repeat(64), note: CONTROL.repeat(64) };
  const agents = range(LIMITS.listPageSize).map((index) => `agent-${index}`);
  const rows = agents.map((agentId) => onlineRow(NOW, { agentId, activity } as Partial<StatusRow>));
  await putRows(engine.client, engine.statusTableName, rows);
  const metadata = JSON.stringify({ text: CONTROL.repeat(670) });
  await parallel.map(agents, (agentId) => {
    const profile = { capabilities: [], metadata };
    const Item = marshall({
      organizationId: "acme",
      recordId: agentRecordId(agentId),
      agentId,
      profile,
    });
    return engine.client.send(new PutItemCommand({ TableName: engine.registryTableName, Item }));
  });
  const service = composeService(engine, new Meter(), () => NOW, OPEN_GUARD);
  const { body = "" } = await service.list(messageAt("list", { type: "list", profiles: true }));
  service.close();
  const bytes = Buffer.byteLength(body);
  const page = JSON.parse(body);
  return {
    attempt: `a \`list\` of ${agents.length} agents with the largest profiles`,
    goal: `at most ${withCommas(LIMITS.messageBytes)} bytes`,
    found: `${withCommas(bytes)} bytes with ${page.agents.length} agents${page.cursor ? ", and a cursor" : ""}`,
    met: bytes <= LIMITS.messageBytes && page.cursor !== null,
  };
}

/** Every second change in the stream is one agent's. */
async function flapping() {
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

async function massSilence(engine: Engine) {
  const silent = range(300).map((index) => ({
    organizationId: "hostile",
    agentId: `silent-${index}`,
  }));
  const healthy = range(9).map((index) => ({ organizationId: "acme", agentId: `agent-${index}` }));
  const lost = { organizationId: "acme", agentId: "lost" };
  const expired = NOW - 200_000;
  await putRows(engine.client, engine.statusTableName, [
    ...silent.map((agent) => onlineRow(expired, agent)),
    ...healthy.map((agent) => onlineRow(NOW, agent)),
    onlineRow(expired, lost),
  ]);
  const service = composeService(engine, new Meter(), () => NOW);
  const { held } = await service.sweep({}, UNHURRIED as never);
  service.close();
  const row = await storedRow(engine.client, engine.statusTableName, lost);
  const isTold = row?.status === "offline";
  return {
    attempt: "300 agents of one organization fall silent at once, and one of another organization",
    goal: "the other one is offline with the first sweep",
    found: `${held} are held back as a suspected failure, the other one is ${isTold ? "offline" : "held back too"}`,
    met: isTold,
  };
}

/** Twelve connections, each with a hundred patterns that every publish has to look at. One is tried after the other. */
async function subscriptionsOfManyConnections(engine: Engine) {
  const meter = new Meter();
  const client = meter.watch(engine.client);
  const { routes } = composeOpenRoutes({
    client,
    engine,
    connections: new ConnectionsRecorder(),
    reader: { now: () => NOW, correctClock: false },
  });
  const viewer = { agentId: "viewer", role: "viewer" } as const;
  let kept = 0;
  const tried = 12 * 100;
  for (let index = 0; index < tried; index++) {
    const body = { type: "subscribe", subject: `tasks.*.n${index}` };
    const event = messageAt("subscribe", body, viewer, `c${index % 12}=`);
    const { body: answer = "" } = await routes.subscribe(event);
    if (JSON.parse(answer).type === "subscribed") kept += 1;
  }
  meter.take();
  await routes.publish(messageAt("publish", { type: "publish", subject: "tasks.a.b", data: 1 }));
  const { readUnits } = meter.take();
  return {
    attempt: `${withCommas(tried)} subscriptions of one viewer over 12 connections, to patterns that a publish has to look at`,
    goal: `at most ${LIMITS.subscriptionsAtAddress} are kept`,
    found: `${kept} are kept; a publish of another agent reads ${readUnits} units`,
    met: kept <= LIMITS.subscriptionsAtAddress,
  };
}

/** In organizations too small for self-preservation. */
async function failingRow(engine: Engine) {
  const agents = range(1000).map((index) => ({
    organizationId: `organization-${index % 100}`,
    agentId: `agent-${index}`,
  }));
  const alive = range(1100).map((index) => ({
    organizationId: `organization-${index % 100}`,
    agentId: `alive-${index}`,
  }));
  await putRows(engine.client, engine.statusTableName, [
    ...agents.map((agent) => onlineRow(NOW - 200_000, agent)),
    ...alive.map((agent) => onlineRow(NOW, agent)),
  ]);
  const meter = new FailingMeter("agent-500");
  const service = composeService(engine, meter, () => NOW);
  const { expired, failures } = await service.sweep({}, UNHURRIED as never);
  service.close();
  return {
    attempt: "1,000 agents are due in a sweep, and the row of one can't be written",
    goal: "999 are stored",
    found: `${expired} are stored, ${failures} is reported`,
    met: expired === 999 && failures === 1,
  };
}

/** Fails each write of one agent's row. */
class FailingMeter extends Meter {
  readonly #agentId: string;

  constructor(agentId: string) {
    super();
    this.#agentId = agentId;
  }

  override watch(client: DynamoDBClient): DynamoDBClient {
    client.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          const { Key } = args.input as { Key?: { agentId?: { S?: string } } };
          if (commandName === "UpdateItemCommand" && Key?.agentId?.S === this.#agentId) {
            return Promise.reject(new Error("it can't be written"));
          }
          return next(args);
        },
      { step: "initialize" },
    );
    return super.watch(client);
  }
}

/** Where the writes of a reconnect storm lie. */
async function manyLogins() {
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

function messageAt(
  routeKey: string,
  body: object,
  owner: Parameters<typeof routeEvent>[2] = {},
  connectionId = "A=",
) {
  const context = { routeKey, connectionId, connectedAt: NOW - 60_000, requestTimeEpoch: NOW };
  return routeEvent(context, body, owner);
}
