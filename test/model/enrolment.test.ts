/**
 * Random histories of enrolments on the real engine: processes that enrol at the same moment, ask again because an answer was
 * lost, come online and leave; operators that revoke and remove; and time that passes.
 */

import { AgentRegistry, type RegisteredAgent } from "@agent-heartbeat/sdk/registry";
import { TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { fencingTokenOf } from "../../core/registry-record";
import { type EnrolmentRefusal, enrol } from "../../lambda/enrol/enrol";
import { dynamoDbEnrolmentStore } from "../../lambda/enrol/store";
import { LeaseStore } from "../../lambda/lease/store";
import { type Engine, startEngine } from "../../testing/engine";
import { anyKey, enrolmentsOf, NO_STS } from "../../testing/enrolments";
import { runs } from "../../testing/fuzz/runs";
import { holder } from "../../testing/presence";
import { seededRandom } from "../../testing/random";

const HISTORIES = runs(40);
const STEPS = 12;
const EPHEMERAL_MS = 60_000;
const LEASE_MS = 90_000;
const NAMES = ["worker-1", "worker-2", "worker-3"];
const KEYS = Array.from({ length: 4 }, anyKey);

/** The response that a process received, and when it asked. */
interface Answer {
  agentId: string;
  keyId: string;
  agent: RegisteredAgent;
}

class History {
  now = Date.now();
  readonly answers: Answer[] = [];
  readonly refusals: EnrolmentRefusal[] = [];
  /** Until when a registration was seen at least, by its agent's id and its time. */
  readonly seenUntil = new Map<string, number>();
  readonly removed = new Set<string>();
  readonly fleet;
  readonly #agents: AgentRegistry;
  readonly #leases: LeaseStore;
  readonly #store;
  #connections = 0;

  constructor(
    engine: Engine,
    readonly organizationId: string,
    private readonly random: () => number,
  ) {
    const { client, registryTableName, statusTableName } = engine;
    this.fleet = enrolmentsOf(engine, organizationId, () => this.now);
    this.#agents = new AgentRegistry({ client, registryTableName, statusTableName });
    this.#leases = new LeaseStore({ client, tableName: statusTableName, retentionMs: 3_600_000 });
    const send = async (command: Parameters<typeof client.send>[0]) => {
      // The answer is lost, and the AWS client sends the same again.
      if (command instanceof TransactWriteItemsCommand && random() < 0.3) {
        await client.send(command).catch(() => undefined);
      }
      return client.send(command);
    };
    this.#store = dynamoDbEnrolmentStore({
      client: Object.assign(Object.create(client), { send }),
      registryTableName,
      statusTableName,
      pause: async () => undefined,
      random,
    });
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)] as T;
  }

  async enrol(token: string): Promise<void> {
    const [agentId, publicKey] = [this.pick(NAMES), this.pick(KEYS)];
    const result = await enrol({ token, agentId, publicKey }, this.now, this.#store, NO_STS);
    if ("refused" in result) this.refusals.push(result.refused);
    else this.answers.push({ agentId, keyId: publicKey.keyId, agent: result.agent });
  }

  /** A process that was registered logs in, perhaps much later. */
  async connect(): Promise<void> {
    if (this.answers.length === 0) return;
    const { agentId, agent } = this.pick(this.answers);
    const connectionId = `C${this.#connections++}=`;
    const connection = holder({
      organizationId: this.organizationId,
      agentId,
      connectionId,
      connectedAt: this.now,
      instanceId: connectionId,
      fencingToken: fencingTokenOf(agent),
      leaseMs: LEASE_MS,
    });
    const outcome = await this.#leases.acquire(connection, this.now);
    if (outcome !== "acquired") return;
    const until = this.random() < 0.5 ? this.now : this.now + LEASE_MS;
    if (until === this.now) await this.#leases.release(connection, this.now, "client_closed");
    // A newer process takes the lease: if it leaves, its agent has left.
    this.seenUntil.set(incarnation(agent), until);
  }

  async remove(): Promise<void> {
    const agentId = this.pick(NAMES);
    const name = { organizationId: this.organizationId, agentId };
    const found = await this.#agents.get(name);
    if (!found) return;
    this.removed.add(incarnation(found));
    await this.#agents.remove(name);
  }
}

const incarnation = ({ agentId, createdAt }: RegisteredAgent) => `${agentId} of ${createdAt}`;

/** Registrations of a name, in their order. */
function registrationsOf(agentId: string, { answers }: History): RegisteredAgent[] {
  const found = answers.filter((answer) => answer.agentId === agentId).map(({ agent }) => agent);
  const byTime = new Map(found.map((agent) => [agent.createdAt, agent]));
  return [...byTime.values()].sort((a, b) => a.createdAt - b.createdAt);
}

describe("enrolments under concurrency", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine({ stream: false });
  });
  afterAll(() => engine.stop());

  it.each(Array.from({ length: HISTORIES }, (_, index) => index + 1))(
    "count each use once and give no name away that is in use: history %i",
    async (seed) => {
      const random = seededRandom(seed);
      const history = new History(engine, `model-${seed}`, random);
      const { fleet } = history;
      const tokens = await Promise.all(
        [3, 2, 5].map((uses) =>
          fleet.create({ uses, ...(random() < 0.7 && { ephemeralMs: EPHEMERAL_MS }) }),
        ),
      );
      const revoked = new Set<string>();
      for (let step = 0; step < STEPS; step++) {
        const { token, enrolment } = history.pick(tokens);
        const act = random();
        if (act < 0.5) {
          await Promise.all(
            Array.from({ length: 4 }, () => history.enrol(history.pick(tokens).token)),
          );
        } else if (act < 0.75) {
          await Promise.all([history.connect(), history.enrol(token), history.enrol(token)]);
        } else if (act < 0.85) {
          await Promise.all([history.enrol(token), history.remove()]);
        } else if (act < 0.9) {
          await Promise.all([history.enrol(token), fleet.registry.revoke(enrolment)]);
          revoked.add(token);
        } else {
          history.now += Math.floor(random() * 4 * EPHEMERAL_MS);
        }
        history.now += 1;
        for (const each of revoked) {
          const [before, answers] = [history.refusals.length, history.answers.length];
          await history.enrol(each);
          expect(history.answers).toHaveLength(answers);
          expect(history.refusals.slice(before)).toEqual(["enrolment_revoked"]);
        }
      }

      for (const { enrolment } of tokens) {
        const { used = 0, uses = 0 } = (await fleet.registry.get(enrolment)) ?? {};
        const registered = NAMES.flatMap((name) => registrationsOf(name, history)).filter(
          ({ enrolmentId }) => enrolmentId === enrolment.enrolmentId,
        );
        expect({ enrolment: enrolment.enrolmentId, used }).toEqual({
          enrolment: enrolment.enrolmentId,
          used: registered.length,
        });
        expect(used).toBeLessThanOrEqual(uses);
      }
      for (const { agent, keyId } of history.answers) {
        expect(agent.publicKeys.map((key) => key.keyId)).toEqual([keyId]);
      }
      for (const name of NAMES) {
        const registrations = registrationsOf(name, history);
        for (const [index, next] of registrations.slice(1).entries()) {
          const last = registrations[index] as RegisteredAgent;
          if (history.removed.has(incarnation(last))) continue;
          const { ephemeralMs = Number.POSITIVE_INFINITY } = last;
          const seen = Math.max(last.createdAt, history.seenUntil.get(incarnation(last)) ?? 0);
          expect(next.createdAt).toBeGreaterThanOrEqual(seen + ephemeralMs);
        }
      }
    },
  );
});
