/** Processes of an agent that connect, send heartbeats, break and come back. */

import { dynamoDbGuard } from "../../../lambda/shared/guard";
import { activityAt } from "./activity";
import type { Calls } from "./calls";
import type { Offer } from "./offer";
import { type Connection, name } from "./participants";
import { INTERVAL_MS, LEASE_MS, NAME, SKEW_MS, type World } from "./world";

const CONNECTIONS_OPEN = 4;
const REASONS = ["client_closed", "connection_lost", "gateway_closed", "drained"] as const;

export class Agents {
  constructor(
    private readonly world: World,
    private readonly calls: Calls,
  ) {}

  /** What they may do next. */
  offer(processes: number, detail: number, { offer, likely }: Offer): void {
    const { connections, now } = this.world;
    const open = connections.filter(({ state }) => state === "open");
    for (let process = 0; process < processes; process++) {
      const own = connections.filter((one) => one.process === process);
      const busy = own.some(({ state }) => ["known", "connecting", "admitted"].includes(state));
      const weight = process === 0 ? likely(3, 3, 1) : 1;
      if (open.length < CONNECTIONS_OPEN && (!busy || likely(11, 1) > 0))
        offer(weight, () => this.login(process, detail));
    }
    for (const connection of connections) {
      const { state } = connection;
      if (state === "known") offer(2, () => this.connect(connection));
      const recent = now < connection.holder.connectedAt + 30_000;
      const again = connection.order >= 0 && recent;
      if (["open", "ended"].includes(state) && again) {
        offer(detail % 4 === 1 ? likely(4, 4) : 0, () => this.#connectAgain(connection));
      }
      if (state === "admitted") {
        offer(2, () => this.open(connection));
        if (detail % 4 === 0) offer(1, () => this.#failHandshake(connection, detail));
      }
      if (state === "refused" && detail % 2 === 1) {
        offer(2, () => this.#tellRefused(connection));
      }
      if (state === "open") {
        offer(likely(5, 2, 1), () => this.beat(connection, detail));
        offer(1, () => this.end(connection, detail));
        if (detail % 3 === 1) offer(1, () => this.#subscribe(connection));
      }
    }
  }

  /** The authorizer reads the registry; the connection is still to be written. */
  login(process: number, detail: number): void {
    const { registered, enabled, token } = this.world.registry;
    if (!registered || !enabled) return;
    const index = this.world.connections.length;
    const aheadMs = detail % 2 === 0 ? 0 : SKEW_MS;
    const rotation = this.world.connections.some(
      (one) => one.process === process && one.state === "open" && one.told.length === 0,
    );
    const connection: Connection = {
      index,
      process,
      aheadMs,
      alone: detail % 7 === 0,
      state: "known",
      outcome: undefined,
      order: -1,
      listed: -1,
      forgetsOthers: false,
      provenAt: Number.NEGATIVE_INFINITY,
      disturbed: false,
      told: [],
      subscribed: false,
      reason: undefined,
      rotated: false,
      released: "no",
      closeMissed: false,
      holder: {
        ...NAME,
        connectionId: `c${(index * 7) % 5}${index}=`,
        connectedAt: this.world.now + aheadMs,
        instanceId: `process-${process}`,
        leaseMs: LEASE_MS,
        heartbeatIntervalMs: INTERVAL_MS + (index % 10),
        rotation,
        fencingToken: token,
        keyTag: `key-${this.world.registry.key}`,
      },
    };
    this.world.connections.push(connection);
    this.world.note(`${name(connection)} logs in`);
  }

  connect(connection: Connection): void {
    const { holder, alone, aheadMs } = connection;
    connection.state = "connecting";
    holder.connectedAt = this.world.now + aheadMs;
    const how = `${holder.rotation ? ", rotating" : ""}${alone ? ", alone" : ""}, host +${aheadMs}`;
    this.calls.run("acquire", `${name(connection)} connects${how}`, connection, async (store) => {
      connection.outcome = await store.acquire(holder, holder.connectedAt, alone);
      connection.order = this.world.nextOrder();
      if (connection.outcome === "acquired") connection.listed = connection.order;
      const admitted = connection.outcome === "acquired" || connection.outcome === "superseded";
      connection.state = admitted ? "admitted" : "refused";
      return connection.outcome;
    });
  }

  /** The function is invoked a second time for one handshake. */
  #connectAgain(connection: Connection): void {
    const { holder, alone } = connection;
    const what = `${name(connection)} connects, invoked again`;
    this.calls.run("again", what, connection, async (store) => {
      const outcome = await store.acquire(holder, holder.connectedAt, alone);
      if (outcome === "acquired") connection.listed = this.world.nextOrder();
      return outcome;
    });
  }

  open(connection: Connection): void {
    connection.state = "open";
    this.world.note(`${name(connection)} is open`);
  }

  /** The gateway may tell of an end all the same. */
  #failHandshake(connection: Connection, detail: number): void {
    this.world.note(`${name(connection)}: the handshake fails after all`);
    this.end(connection, detail % 8 === 0 ? 0 : 1);
  }

  /** No end is promised for a connection that was refused, and it may be told. */
  #tellRefused(connection: Connection): void {
    this.world.note(`${name(connection)} was refused`);
    this.end(connection, 1);
  }

  beat(connection: Connection, detail: number): void {
    const at = this.world.now + connection.aheadMs;
    const { holder } = connection;
    const activity = activityAt(at, this.world.isLikely(10) ? 1 + (detail % 3) : detail);
    const what = `${name(connection)} beats${activity ? `, ${JSON.stringify(activity)}` : ""}`;
    const operation = this.calls.run("renew", what, connection, async (store) => {
      const { outcome } = await store.renew(holder, at, activity);
      if (outcome !== "renewed") {
        connection.told.push(outcome);
        // A superseded one is closed once its grace is over: the client is free to end before.
        if (outcome !== "superseded") this.close(holder.connectionId);
      }
      return outcome;
    });
    operation.activity = activity;
  }

  end(connection: Connection, detail: number): void {
    connection.state = "ended";
    if (detail % 5 === 0) {
      connection.released = "lost";
      this.world.note(`${name(connection)} ends, and nobody is told`);
      return;
    }
    const at = this.world.now + connection.aheadMs;
    const reason = REASONS[detail % REASONS.length] ?? "connection_lost";
    const rotated = detail % 2 === 1 && this.#hasAnother(connection);
    Object.assign(connection, { reason, rotated });
    const what = `${name(connection)} ends: ${rotated ? "rotated" : reason}`;
    this.calls.run("release", what, connection, async (store) => {
      const outcome = await store.release(connection.holder, at, reason, rotated);
      connection.released = outcome === "contended" ? "lost" : "yes";
      return outcome;
    });
  }

  #hasAnother = ({ process, index }: Connection) =>
    this.world.connections.some(
      (one) => one.process === process && one.index !== index && one.state === "open",
    );

  /** The service closes a connection; one that is not open yet is gone for it. */
  close(connectionId: string): void {
    const connection = this.world.connectionOf(connectionId);
    if (connection?.state === "open") this.end(connection, 1);
    else if (connection) connection.closeMissed = true;
  }

  endAll(): void {
    for (const connection of this.world.connections) {
      if (connection.state === "admitted") this.open(connection);
      if (connection.state === "open") this.end(connection, 2);
    }
  }

  #subscribe(connection: Connection): void {
    const sender = { ...connection.holder, role: "agent" } as const;
    this.calls.run("subscribe", `${name(connection)} subscribes`, connection, async (_, client) => {
      connection.subscribed = true;
      try {
        const { standing } = await dynamoDbGuard(client, "AgentStatus").judge(sender, true);
        if (standing !== "holds") connection.subscribed = false;
        return standing;
      } catch (error) {
        connection.subscribed = false;
        throw error;
      }
    });
  }
}
