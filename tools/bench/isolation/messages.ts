/** What a client tries with messages: to be served more than its share, and to make a message cost much. */

import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import pLimit from "p-limit";
import { LIMITS, RATES } from "../../../core/limits";
import { agentRecordId } from "../../../core/registry-record";
import type { StatusRow } from "../../../core/status";
import { SenderRates } from "../../../lambda/shared/sender-rates";
import type { Engine } from "../../../testing/engine";
import { ConnectionsRecorder, OPEN_GUARD, routeEvent } from "../../../testing/presence";
import { composeOpenRoutes } from "../../../testing/routes";
import { offlineRow, onlineRow, putRows } from "../../../testing/status-rows";
import { Meter } from "../billing-units/meter";
import { composeService } from "../billing-units/service";
import { NOW, range, withCommas } from "./attempt";

/** The largest text in JSON: six bytes for each character. */
const CONTROL = "\u0001";
const parallel = pLimit(32);

/** Two thousand a second for as long as its rate is counted at once. */
export async function floodFromManyContainers({ client, subscriptionsTableName }: Engine) {
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
export async function rareFilter(engine: Engine) {
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
export async function largestPage(engine: Engine) {
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

/** Twelve connections, each with a hundred patterns that every publish has to look at, one after the other. */
export async function subscriptionsOfManyConnections(engine: Engine) {
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

function messageAt(
  routeKey: string,
  body: object,
  owner: Parameters<typeof routeEvent>[2] = {},
  connectionId = "A=",
) {
  const context = { routeKey, connectionId, connectedAt: NOW - 60_000, requestTimeEpoch: NOW };
  return routeEvent(context, body, owner);
}
