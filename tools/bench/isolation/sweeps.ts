/** What agents try to make the sweep do to others: to hold back their expirations, or to fail. */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Engine } from "../../../testing/engine";
import { storedRow } from "../../../testing/presence";
import { onlineRow, putRows } from "../../../testing/status-rows";
import { Meter } from "../billing-units/meter";
import { composeService } from "../billing-units/service";
import { NOW, range } from "./attempt";

const UNHURRIED = { getRemainingTimeInMillis: () => 60_000 };

export async function massSilence(engine: Engine) {
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

/** In organizations too small for self-preservation. */
export async function failingRow(engine: Engine) {
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
