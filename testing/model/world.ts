/**
 * A small world in which everything happens that may: processes of an agent connect, beat, break and come back; the
 * gateway's hosts disagree about the time; writes are delayed, repeated, lost; operators lock out and let in; sweeps,
 * the TTL and the stream take their time. A history is a list of numbers: each chooses one of the things that can
 * happen next, so that every history is possible, and a part of one is a history too. The first number chooses what is
 * likely, so that some histories are full of rotations, some of sweeps, some of processes.
 */

import { derivePresence, rowFromItem, type StatusRow } from "@agent-heartbeat/sdk/status";
import type { Activity, OfflineReason, Transition } from "../../core/presence";
import { displacedConnections, entryOf, openConnections } from "../../core/row-connections";
import type { AcquireOutcome, HttpHolder, LeaseHolder } from "../../lambda/lease/holder";
import { LeaseStore } from "../../lambda/lease/store";
import { dynamoDbGuard } from "../../lambda/shared/guard";
import { transitionsHandler } from "../../lambda/transitions/handler";
import { revoke, revokeKey, tombstone } from "../../sdk/src/registry/revocation";
import { DynamoDbClock } from "../../sdk/src/status/dynamodb-clock";
import { LogRecorder } from "../presence";
import { BrokenPromise, broken } from "./broken";
import type { Item } from "./expressions";
import { type Fate, InMemoryTable, type Mutation, type StreamRecord } from "./in-memory-table";

export const LEASE_MS = 7500;
/** Each connection has an interval of its own, so that nobody's is shown for another's. */
const INTERVAL_MS = 5000;
export const SKEW_MS = 2000;
const HOUR_MS = 3_600_000;
/** How long a token is valid, with the skew that is allowed. */
const TOKEN_MS = 90_000;
const CONNECTIONS_OPEN = 4;
const NAME = { organizationId: "acme", agentId: "a" };
const REASONS = ["client_closed", "connection_lost", "gateway_closed", "drained"] as const;
const PASSING = [1, 40, 700, 1900, 2600, 5000, 8000, 30_000, 60_000];
/** How far the clocks of processes are ahead. */
const CLOCKS_MS = [0, 0, 700, -3000];
/** In histories of silence. */
const LONG = [700, 5000, 8000, 30_000];
/** As many processes as a row remembers. */
const CROWD = 6;

/** One connection, as the world itself knows it. */
export interface Connection {
  index: number;
  process: number;
  holder: LeaseHolder;
  /** How far its host's clock is ahead. */
  aheadMs: number;
  alone: boolean;
  state: "known" | "connecting" | "admitted" | "open" | "ended" | "refused";
  outcome: AcquireOutcome | undefined;
  /** In which order acquisitions came to their end. */
  order: number;
  /** The same, of the last time that a row may have come to list it: it may be invoked again. Below 0: never. */
  listed: number;
  /** Whether it has taken the place of all connections before. */
  forgetsOthers: boolean;
  /** When its process was last proven alive by it, by the true clock. */
  provenAt: number;
  /** What has come since that may take the row from it. */
  disturbed: boolean;
  /** What it was told: it no longer counts on anything then. */
  told: string[];
  subscribed: boolean;
  /** How it ended, and whether its process had another connection then. */
  reason: OfflineReason | undefined;
  rotated: boolean;
  /** Its end has been written, or will never be. */
  released: "no" | "yes" | "lost";
  /** The service tried to close it before it was open. */
  closeMissed: boolean;
}

/** A request over HTTP, as the world itself knows it. */
export interface Request {
  process: number;
  holder: HttpHolder;
  /** By the true clock. */
  sentAt: number;
  /** How far its host's clock is ahead. */
  aheadMs: number;
  alone: boolean;
  /** The request whose token somebody sends again. */
  repeats: Request | undefined;
  /** Whether its token was accepted: nobody knows if an answer was lost. */
  accepted: "no" | "yes" | "maybe";
}

/** What is known of a process that sends heartbeats over HTTP. */
export interface HttpProcess {
  /** When it was last proven alive over HTTP, by the true clock. */
  provenAt: number;
  /** What has come since that may end it, or take the row from it. */
  disturbed: boolean;
  /** It has left over HTTP, and nothing has come since. */
  left: boolean;
}

type Kind =
  | "http"
  | "leave"
  | "acquire"
  | "again"
  | "renew"
  | "release"
  | "lockout"
  | "expire"
  | "stall"
  | "recover"
  | "forget"
  | "subscribe";

/** A call of the store that is under way. */
export interface Operation {
  name: string;
  kind: Kind;
  connection: Connection | undefined;
  request?: Request;
  startedAt: number;
  /** The row as it was. */
  before: StatusRow | undefined;
  /** What a heartbeat says of the work. */
  activity?: Activity | undefined;
  writes: number;
  /** How often others have changed the row while it was under way. */
  changes: number;
  /** Nothing else was under way while it was. */
  solo: boolean;
  /** Every write of it was answered at once. */
  smooth: boolean;
  /** The row before the last write that was carried out: if that is repeated, it is not the one before the last step. */
  replaced?: StatusRow | undefined;
  /** The row that has refused its last write. */
  refusedBy?: { row: StatusRow | undefined } | undefined;
  /** The fencing token of a lock-out of the agent, or the key that is taken away. */
  token?: number;
  key?: string;
  /** What a sweep has seen, or what is to be forgotten. */
  observed?: StatusRow;
}

interface Waiting {
  operation: Operation;
  go(fate: Fate): void;
}

export class World {
  now = 1_000_000;
  readonly log: string[] = [];
  readonly connections: Connection[] = [];
  readonly requests: Request[] = [];
  readonly httpProcesses = new Map<number, HttpProcess>();
  readonly transitions = new Map<string, Transition>();
  /** Processes whose acquisition has been settled at some time. */
  readonly knownProcesses = new Set<number>();
  /** Processes of which nobody knows whether they were written. */
  readonly attempted = new Set<number>();
  /** The greatest fencing token of a lock-out that was carried out. */
  lockedOut = 0;
  /** Keys that were taken away, with the connections that used them. */
  readonly revokedKeys = new Set<string>();
  registry = { registered: true, enabled: true, token: 900_000, key: 0 };
  /** The connection whose end was written last, if nobody has come since. */
  lastReleased: Connection | undefined;
  waiting: Waiting[] = [];
  underWay = new Set<Operation>();
  /** The row before the last step, and whose write that step has carried out. */
  previous: StatusRow | undefined;
  writer: Operation | undefined;
  /** Whether the last step has published transitions. */
  hasPublished = false;
  #theme = 0;
  readonly #table: InMemoryTable;
  readonly #observed: { row: StatusRow; what: "expire" | "stall" | "recover" }[] = [];
  #told = 0;
  #item: Item | undefined;
  #row: StatusRow | undefined;

  constructor(
    mutation: Mutation,
    private readonly judge: {
      finished(world: World, operation: Operation, outcome: string | undefined): void;
      after(world: World): void;
    },
  ) {
    this.#table = new InMemoryTable(mutation);
  }

  get row(): StatusRow | undefined {
    const item = this.#table.row;
    if (item !== this.#item) this.#row = item && rowFromItem(item);
    this.#item = item;
    return this.#row;
  }

  get stream(): StreamRecord[] {
    return this.#table.stream;
  }

  get presence() {
    const { row } = this;
    return row?.instanceId === undefined ? undefined : derivePresence(row, this.now);
  }

  /** Whether nothing is under way, and everything in the stream has been told. */
  get isQuiet(): boolean {
    return this.underWay.size === 0 && this.#told === this.stream.length;
  }

  /** @throws BrokenPromise */
  async play(history: readonly number[]): Promise<void> {
    try {
      const [theme = 0, ...steps] = history;
      this.#theme = theme;
      if (this.#isLikely(12)) await (this.#isBusy ? this.#takeKeysAway() : this.#crowd());
      for (const number of steps) {
        this.previous = this.row;
        this.writer = undefined;
        this.hasPublished = false;
        await this.#step(number);
        this.judge.after(this);
      }
      await this.#finish();
    } catch (error) {
      if (error instanceof BrokenPromise) error.message += `\n${this.log.join("\n")}`;
      throw error;
    }
  }

  /** How long a row is kept after its last lease: less or more than a lock-out. */
  get retentionMs(): number {
    return this.#isLikely(16) ? 4 * HOUR_MS : HOUR_MS;
  }

  /** Whether something is likely in this history. */
  #isLikely = (theme: number) => (this.#theme >> theme) % 2 === 1;

  /** Whether much is under way at once. */
  get #isBusy(): boolean {
    return this.#isLikely(15) && this.#isLikely(17);
  }

  /** Processes have come and gone before. */
  async #crowd(): Promise<void> {
    for (let process = 0; process < CROWD; process++) {
      this.#login(process, 1);
      const connection = this.connections.at(-1);
      if (!connection) return;
      this.#connect(connection);
      await this.#finish();
      if (connection.state !== "admitted") continue;
      this.#open(connection);
      this.#end(connection, 1);
      await this.#finish();
    }
  }

  /** An agent is offline, has lost a key before, and loses its next two at once, while it sends a heartbeat. */
  async #takeKeysAway(): Promise<void> {
    this.#login(0, 0);
    const [connection] = this.connections;
    if (!connection) return;
    this.#connect(connection);
    await this.#finish();
    this.#open(connection);
    this.#beat(connection, 0);
    await this.#finish();
    this.#end(connection, 1);
    await this.#finish();
    this.#rotateKey(0);
    await this.#finish();
    if (this.#isLikely(14)) this.#request("http", 0, 1);
    for (const detail of [0, 1]) this.#rotateKey(detail);
  }

  /** Whatever is under way comes to its end. */
  async #finish(): Promise<void> {
    await settled();
    for (let left = 200; left > 0 && !this.isQuiet; left--) {
      const [first] = this.waiting;
      this.previous = this.row;
      this.writer = undefined;
      if (first) await this.#arrive(first, "answered");
      else await this.#tell(0);
      this.judge.after(this);
    }
  }

  async #step(number: number): Promise<void> {
    if (this.#slept && this.isQuiet) {
      if (this.connections.every(({ state }) => state === "ended" || state === "refused")) {
        this.#slept = false;
        this.now += this.retentionMs + 3 * HOUR_MS;
        const { registered, enabled } = this.registry;
        if (registered && enabled && this.#isLikely(7)) this.#lockOut("disable", number);
      } else {
        this.#endAll();
      }
    }
    const detail = Math.floor(number / 100);
    const actions = this.#actions(detail);
    await actions[number % actions.length]?.();
    await settled();
  }

  /** What may happen next; what is likelier is there more often. */
  #actions(detail: number): (() => void | Promise<void>)[] {
    const actions: (() => void | Promise<void>)[] = [];
    const offer = (weight: number, action: () => void | Promise<void>) => {
      for (let times = 0; times < weight; times++) actions.push(action);
    };
    /** The weight of what is likely in some histories, and not in others. */
    const likely = (theme: number, weight: number, otherwise = 0) =>
      this.#isLikely(theme) ? weight : otherwise;
    offer(likely(13, 4, 1), () => this.#pass(detail));
    const open = this.connections.filter(({ state }) => state === "open");
    for (const waiting of this.waiting) {
      const fate: Fate = detail % 8 === 0 ? "repeated" : detail % 8 === 1 ? "fails" : "answered";
      offer(likely(0, 1), () => this.#arrive(waiting, fate));
      // In some histories hardly anything happens at the same time, in others very much.
      offer(this.#isBusy ? 1 : likely(1, 40, 2), () => this.#arrive(waiting, "answered"));
    }
    const processes = likely(2, 9, 3);
    for (let process = 0; process < processes; process++) {
      const own = this.connections.filter((one) => one.process === process);
      const busy = own.some(({ state }) => ["known", "connecting", "admitted"].includes(state));
      const weight = process === 0 ? likely(3, 3, 1) : 1;
      if (open.length < CONNECTIONS_OPEN && (!busy || likely(11, 1) > 0))
        offer(weight, () => this.#login(process, detail));
    }
    for (const connection of this.connections) {
      const { state } = connection;
      if (state === "known") offer(2, () => this.#connect(connection));
      const recent = this.now < connection.holder.connectedAt + 30_000;
      const again = connection.order >= 0 && recent;
      if (["open", "ended"].includes(state) && again) {
        offer(detail % 4 === 1 ? likely(4, 4) : 0, () => this.#connectAgain(connection));
      }
      if (state === "admitted") {
        offer(2, () => this.#open(connection));
        if (detail % 4 === 0) offer(1, () => this.#failHandshake(connection, detail));
      }
      if (state === "refused" && detail % 2 === 1) {
        offer(2, () => this.#tellRefused(connection));
      }
      if (state === "open") {
        offer(likely(5, 2, 1), () => this.#beat(connection, detail));
        offer(1, () => this.#end(connection, detail));
        if (detail % 3 === 1) offer(1, () => this.#subscribe(connection));
      }
    }
    this.#offerRequests(processes, detail, (weight, action) => offer(likely(14, weight), action));
    if (this.#told < this.stream.length) offer(likely(6, 1, 2), () => this.#tell(detail));
    const { registered, enabled, key } = this.registry;
    const locks = detail % 3 === 0 ? likely(7, 1) : 0;
    if (registered && enabled) offer(locks, () => this.#lockOut("disable", detail));
    if (registered && !enabled) offer(1, () => this.#letIn("enable"));
    if (registered && detail % 2 === 0) offer(locks, () => this.#lockOut("remove", detail));
    // The last two keys that were taken away are remembered: an agent has no more of them at once.
    if (registered && detail % 2 === 0 && key < 2) {
      offer(locks, () => this.#rotateKey(detail));
    }
    if (!registered) offer(1, () => this.#letIn("register"));
    if (detail % 3 === 0) offer(likely(8, 1), () => this.#purge());
    if (detail % 5 === 0 && this.isQuiet) offer(likely(8, 3), () => this.#night());
    const { row } = this;
    const due = row?.status === "online" && this.#due(row);
    if (due) {
      offer(likely(9, 4, 1), () => {
        this.log.push(`${this.now} a sweep sees: ${due}`);
        this.#observed.push({ row, what: due });
      });
    }
    if (this.#observed.length > 0) offer(likely(9, 4, 1), () => this.#sweep(detail));
    if (row && displacedConnections(row).length > 0 && row.connectedAt + 30_000 <= this.now) {
      offer(likely(9, 4, 1), () => this.#forget(row, detail));
    }
    return actions;
  }

  #pass(detail: number): void {
    const shaking = this.connections.some(({ state }) => state === "admitted");
    // A handshake that is admitted is over in no time.
    const spans = this.#isLikely(13) ? LONG : PASSING;
    const span = spans[detail % spans.length] ?? 1;
    // A function has seconds.
    this.now += shaking ? 40 : Math.min(span, this.underWay.size > 0 ? 5000 : span);
    this.log.push(`${this.now}`);
  }

  /** What a sweep would do now. */
  #due({ leaseExpiresAt, stallsAt, stalledSince }: StatusRow) {
    if (leaseExpiresAt < this.now - SKEW_MS) return "expire";
    if (stalledSince === undefined) return (stallsAt ?? this.now + 1) <= this.now && "stall";
    return (stallsAt ?? this.now + 1) > this.now && "recover";
  }

  /** The authorizer reads the registry; the connection is still to be written. */
  #login(process: number, detail: number): void {
    const { registered, enabled, token } = this.registry;
    if (!registered || !enabled) return;
    const index = this.connections.length;
    const aheadMs = detail % 2 === 0 ? 0 : SKEW_MS;
    const rotation = this.connections.some(
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
        connectedAt: this.now + aheadMs,
        instanceId: `process-${process}`,
        leaseMs: LEASE_MS,
        heartbeatIntervalMs: INTERVAL_MS + (index % 10),
        rotation,
        fencingToken: token,
        keyTag: `key-${this.registry.key}`,
      },
    };
    this.connections.push(connection);
    this.log.push(`${this.now} ${name(connection)} logs in`);
  }

  #offerRequests(
    processes: number,
    detail: number,
    offer: (weight: number, action: () => void) => void,
  ): void {
    const { registered, enabled, key } = this.registry;
    if (!registered || !enabled) return;
    for (let process = 0; process < processes; process++) {
      const leaves = detail % 6 === 0;
      offer(process === 0 ? 4 : 1, () => this.#request(leaves ? "leave" : "http", process, detail));
    }
    // Somebody who has seen a request sends it again, as long as its token and its key are good.
    const seen = this.requests.filter(
      ({ repeats, holder, sentAt }) =>
        !repeats && holder.keyTag === `key-${key}` && this.now < sentAt + TOKEN_MS,
    );
    const repeated = seen[(detail * 7) % Math.max(1, seen.length)];
    if (repeated) {
      offer(2, () => this.#request(detail % 4 === 0 ? "leave" : "http", 0, detail, repeated));
    }
  }

  /** The function reads the registry and verifies the token; its write is still to come. */
  #request(kind: "http" | "leave", process: number, detail: number, repeats?: Request): void {
    const { token, key } = this.registry;
    const aheadMs = detail % 2 === 0 ? 0 : SKEW_MS;
    const now = this.now + aheadMs;
    const serial = this.requests.length;
    const of = repeats?.process ?? process;
    const issued = repeats?.holder.token ?? this.#nextToken(of);
    const requestId = `http:r${serial}`;
    const request: Request = {
      process: of,
      sentAt: this.now,
      aheadMs,
      alone: repeats?.alone ?? detail % 7 === 0,
      repeats,
      accepted: "no",
      holder: {
        ...NAME,
        connectionId: requestId,
        connectedAt: now,
        instanceId: `process-${of}`,
        leaseMs: LEASE_MS,
        heartbeatIntervalMs: INTERVAL_MS + 10 + (serial % 10),
        rotation: false,
        fencingToken: token,
        keyTag: `key-${key}`,
        token: { ...issued, used: `${issued.issued}${requestId}` },
      },
    };
    this.requests.push(request);
    const activity = activityAt(now, detail);
    const who = repeats ? `somebody repeats P${of}` : `P${of}`;
    const what = `${who} ${kind === "http" ? "beats" : "leaves"} over HTTP (${issued.issued}${request.alone ? ", alone" : ""}), host +${aheadMs}`;
    const operation = this.#run(kind, what, undefined, async (store) => {
      const { holder, alone } = request;
      const { outcome } =
        kind === "http"
          ? await store.renewOverHttp(holder, now, activity, alone)
          : await store.leaveOverHttp(holder, now, "client_closed");
      return outcome;
    });
    operation.request = request;
    operation.activity = activity;
  }

  /** Each process has a clock of its own, and makes its tokens in order. */
  #nextToken(process: number): { issuedAt: number; issued: string } {
    const last = this.#lastIssued.get(process) ?? 0;
    const issuedAt = Math.max(this.now + (CLOCKS_MS[process % CLOCKS_MS.length] ?? 0), last + 1);
    this.#lastIssued.set(process, issuedAt);
    return { issuedAt, issued: String(issuedAt).padStart(16, "0") };
  }

  readonly #lastIssued = new Map<number, number>();

  #connect(connection: Connection): void {
    const { holder, alone, aheadMs } = connection;
    connection.state = "connecting";
    holder.connectedAt = this.now + aheadMs;
    const how = `${holder.rotation ? ", rotating" : ""}${alone ? ", alone" : ""}, host +${aheadMs}`;
    this.#run("acquire", `${name(connection)} connects${how}`, connection, async (store) => {
      connection.outcome = await store.acquire(holder, holder.connectedAt, alone);
      connection.order = this.#order++;
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
    this.#run("again", what, connection, async (store) => {
      const outcome = await store.acquire(holder, holder.connectedAt, alone);
      if (outcome === "acquired") connection.listed = this.#order++;
      return outcome;
    });
  }

  #open(connection: Connection): void {
    connection.state = "open";
    this.log.push(`${this.now} ${name(connection)} is open`);
  }

  /** The gateway may tell of an end all the same. */
  #failHandshake(connection: Connection, detail: number): void {
    this.log.push(`${this.now} ${name(connection)}: the handshake fails after all`);
    this.#end(connection, detail % 8 === 0 ? 0 : 1);
  }

  /** No end is promised for a connection that was refused, and it may be told. */
  #tellRefused(connection: Connection): void {
    this.log.push(`${this.now} ${name(connection)} was refused`);
    this.#end(connection, 1);
  }

  #beat(connection: Connection, detail: number): void {
    const at = this.now + connection.aheadMs;
    const { holder } = connection;
    const activity = activityAt(at, this.#isLikely(10) ? 1 + (detail % 3) : detail);
    const what = `${name(connection)} beats${activity ? `, ${JSON.stringify(activity)}` : ""}`;
    const operation = this.#run("renew", what, connection, async (store) => {
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

  #end(connection: Connection, detail: number): void {
    connection.state = "ended";
    if (detail % 5 === 0) {
      connection.released = "lost";
      this.log.push(`${this.now} ${name(connection)} ends, and nobody is told`);
      return;
    }
    const at = this.now + connection.aheadMs;
    const reason = REASONS[detail % REASONS.length] ?? "connection_lost";
    const rotated = detail % 2 === 1 && this.#hasAnother(connection);
    Object.assign(connection, { reason, rotated });
    const what = `${name(connection)} ends: ${rotated ? "rotated" : reason}`;
    this.#run("release", what, connection, async (store) => {
      const outcome = await store.release(connection.holder, at, reason, rotated);
      connection.released = outcome === "contended" ? "lost" : "yes";
      return outcome;
    });
  }

  #hasAnother = ({ process, index }: Connection) =>
    this.connections.some(
      (one) => one.process === process && one.index !== index && one.state === "open",
    );

  /** The service closes a connection; one that is not open yet is gone for it. */
  close(connectionId: string): void {
    const connection = this.connections.find(({ holder }) => holder.connectionId === connectionId);
    if (connection?.state === "open") this.#end(connection, 1);
    else if (connection) connection.closeMissed = true;
  }

  #lockOut(how: "disable" | "remove", detail: number): void {
    const token = Math.max(this.now, this.registry.token + 1);
    this.registry = { ...this.registry, registered: how === "disable", enabled: false, token };
    const clock = this.#operatorsClock(detail);
    const act = how === "disable" ? revoke : tombstone;
    const operation = this.#run("lockout", how, undefined, async (_, client) => {
      try {
        await act({ client, tableName: "AgentStatus", clock }, NAME, token);
      } finally {
        // Who has the name next starts from nothing, unless it was there before the row was cleared. Where it failed,
        // nobody knows how far it came.
        if (how === "remove") this.#forgetProcesses();
      }
      this.lockedOut = Math.max(this.lockedOut, token);
      return "done";
    });
    operation.token = token;
  }

  /** A new key, and the old one is taken away at once. */
  #rotateKey(detail: number): void {
    const key = `key-${this.registry.key}`;
    this.registry.key += 1;
    const clock = this.#operatorsClock(detail);
    const operation = this.#run("lockout", `takes ${key} away`, undefined, async (_, client) => {
      await revokeKey({ client, tableName: "AgentStatus", clock }, NAME, key);
      this.revokedKeys.add(key);
      return "done";
    });
    operation.key = key;
  }

  #operatorsClock(detail: number): DynamoDbClock {
    const aheadMs = detail % 2 === 0 ? 0 : SKEW_MS;
    const clock = new DynamoDbClock(() => this.now + aheadMs);
    clock.watch = (command) => command;
    return clock;
  }

  /** Whether a connection logged in before the registry locked it out, whatever has become of the row. */
  isOutdated({ holder: { fencingToken, keyTag } }: Connection): boolean {
    return fencingToken < this.registry.token || keyTag !== `key-${this.registry.key}`;
  }

  /** Whether a lock-out that was carried out is meant for a connection. */
  isLockedOut({ holder: { fencingToken, keyTag } }: Connection): boolean {
    return fencingToken < this.lockedOut || this.revokedKeys.has(keyTag);
  }

  #letIn(how: "enable" | "register"): void {
    const { token } = this.registry;
    const next = how === "enable" ? token : Math.max(this.now, token + 1);
    this.registry = { ...this.registry, registered: true, enabled: true, token: next };
    this.log.push(`${this.now} ${how}`);
  }

  /** Hours pass, in which the gateway ends every connection. */
  #night(): void {
    this.log.push(`${this.now} hours pass`);
    this.#endAll();
    this.#slept = true;
  }

  #endAll(): void {
    for (const connection of this.connections) {
      if (connection.state === "admitted") this.#open(connection);
      if (connection.state === "open") this.#end(connection, 2);
    }
  }

  #subscribe(connection: Connection): void {
    const sender = { ...connection.holder, role: "agent" } as const;
    this.#run("subscribe", `${name(connection)} subscribes`, connection, async (_, client) => {
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

  #purge(): void {
    this.log.push(`${this.now} the TTL passes`);
    this.#table.purge(this.now);
    if (!this.row) this.#forgetProcesses();
  }

  #forgetProcesses(): void {
    for (const process of this.knownProcesses) this.attempted.add(process);
    this.knownProcesses.clear();
  }

  #sweep(detail: number): void {
    const seen = this.#observed.shift();
    if (!seen) return;
    const { row, what } = seen;
    const operation = this.#run(what, `a sweep acts: ${what}`, undefined, async (store) => {
      const { stallsAt = 0, stalledSince = 0 } = row;
      if (what === "stall") return String(await store.stall({ ...row, stallsAt }));
      if (what === "recover") return String(await store.recover({ ...row, stalledSince }));
      const written = await store.expire(row);
      const ids = [...openConnections(row), ...displacedConnections(row)];
      // Some can't be closed.
      const closes = detail % 3 > (this.#isLikely(13) ? 1 : 0);
      for (const id of written && closes ? ids : []) this.close(id);
      return String(written);
    });
    operation.observed = row;
  }

  #forget(row: StatusRow, detail: number): void {
    const { displaced } = row;
    if (!displaced || detail % 6 === 0) return;
    const what = "a sweep closes who was displaced";
    const operation = this.#run("forget", what, undefined, async (store) => {
      for (const id of displacedConnections(row)) this.close(id);
      return String(await store.forget({ ...row, displaced }));
    });
    operation.observed = row;
  }

  /** The stream is read: all there is, or a part; the bus or the gateway may fail. */
  async #tell(detail: number): Promise<void> {
    const count = detail % 3 === 1 ? 1 : 10;
    const records = this.stream.slice(this.#told, this.#told + count);
    const fails = detail % 11 === 1;
    this.log.push(`${this.now} the stream is read${fails ? ", and the bus fails" : ""}`);
    const taken = new Map<string, Transition>();
    const handler = transitionsHandler({
      events: {
        send: async ({ input }: { input: { Entries: { Detail: string }[] } }) => ({
          Entries: input.Entries.map(({ Detail }, index) => {
            if (fails && index === 0) return { ErrorCode: "InternalFailure" };
            const transition = JSON.parse(Detail) as Transition;
            taken.set(transition.transitionId, transition);
            return { EventId: "event" };
          }),
        }),
      } as never,
      eventBusName: "bus",
      connections: {
        post: async (connectionId, message) => {
          const connection = this.#of(connectionId);
          if (connection?.state !== "open") {
            if (connection) connection.closeMissed = true;
            return "gone";
          }
          connection.told.push("code" in message ? message.code : message.type);
          return "done";
        },
        close: async (connectionId) => {
          const open = this.#of(connectionId)?.state === "open";
          if (open) this.#of(connectionId)?.told.push("closed");
          this.close(connectionId);
          return open ? "done" : "gone";
        },
      },
      subscriptions: {
        removeConnection: async (connectionId) => {
          const connection = this.#of(connectionId);
          if (connection) connection.subscribed = false;
        },
        connectionsOf: async () => [],
      },
      messageRouter: { publish: async () => ({ reached: 0, posts: 0, complete: true }) },
      answerFor: async () => undefined,
      history: { claim: async () => 0, add: async () => undefined },
      count: () => undefined,
      clock: () => this.now,
      log: new LogRecorder(),
    });
    const { batchItemFailures } = await handler({ Records: records.filter(passesFilter) });
    const [failed] = batchItemFailures;
    const at = records.findIndex(
      ({ dynamodb }) => dynamodb.SequenceNumber === failed?.itemIdentifier,
    );
    const told = at < 0 ? records : records.slice(0, at);
    this.#told += told.length;
    // What the bus has taken after one that it refused is published again after that one: this time counts.
    for (const { eventID } of told) {
      const transition = taken.get(eventID);
      if (!transition) continue;
      this.transitions.set(eventID, transition);
      this.hasPublished = true;
    }
  }

  #of(connectionId: string): Connection | undefined {
    return this.connections.find(({ holder }) => holder.connectionId === connectionId);
  }

  #run(
    kind: Operation["kind"],
    what: string,
    connection: Connection | undefined,
    work: (store: LeaseStore, client: ReturnType<InMemoryTable["client"]>) => Promise<string>,
  ): Operation {
    this.log.push(`${this.now} ${what}`);
    const others = this.underWay.size > 0;
    for (const operation of this.underWay) operation.solo = false;
    const operation: Operation = {
      name: what,
      kind,
      connection,
      startedAt: this.now,
      before: this.row,
      writes: 0,
      changes: 0,
      solo: !others,
      smooth: true,
    };
    this.underWay.add(operation);
    const client = this.#table.client(
      () => new Promise((go) => this.waiting.push({ operation, go })),
    );
    const store = new LeaseStore({
      client,
      tableName: "AgentStatus",
      retentionMs: this.retentionMs,
    });
    const finish = (outcome: string | undefined) => {
      this.underWay.delete(operation);
      this.log.push(`${this.now}   ${what}: ${outcome ?? "failed"}`);
      this.judge.finished(this, operation, outcome);
    };
    work(store, client)
      .then(finish, (error) => {
        if (error instanceof BrokenPromise) this.#broken ??= error;
        if (connection && kind === "acquire") {
          // Whether it was written nobody knows; the client is refused, and no end is ever told.
          connection.state = "refused";
          connection.outcome = "acquired";
          connection.order = this.#order++;
          connection.listed = connection.order;
          connection.released = "lost";
          this.attempted.add(connection.process);
        }
        // Of a handshake that was written again nobody tells the end.
        if (connection && (kind === "release" || kind === "again")) connection.released = "lost";
        if (connection && kind === "again") connection.listed = this.#order++;
        try {
          finish(undefined);
        } catch (broken) {
          this.#broken ??= broken;
        }
      })
      .catch((error) => {
        this.#broken ??= error;
      });
    return operation;
  }

  #broken: unknown;
  #order = 0;
  #slept = false;

  async #arrive(waiting: Waiting, fate: Fate): Promise<void> {
    this.waiting = this.waiting.filter((one) => one !== waiting);
    if (fate !== "answered") {
      waiting.operation.smooth = false;
      this.log.push(`${this.now}   ${waiting.operation.name}: a write is ${fate}`);
    }
    waiting.operation.writes += 1;
    this.writer = waiting.operation;
    const { row } = this;
    waiting.go(fate);
    await settled();
    const { operation } = waiting;
    // A removal goes on after a later lock-out has refused it. Subscriptions only read.
    const chooses = operation.token === undefined && operation.kind !== "subscribe";
    const isRefused = chooses && this.row === row && fate === "answered";
    if (isRefused && operation.refusedBy && operation.refusedBy.row === row) {
      broken(`a write that was chosen by the row is carried out: ${operation.name}`, row);
    }
    operation.refusedBy = isRefused ? { row } : undefined;
    if (this.row !== row) operation.replaced = row;
    for (const other of this.row === row ? [] : this.underWay) {
      if (other !== waiting.operation) other.changes += 1;
    }
    if (this.#broken) throw this.#broken;
  }
}

export const name = ({ process, holder }: Connection) => `P${process}/${holder.connectionId}`;

export const entry = ({ holder }: Connection) => entryOf(holder.connectionId, holder.keyTag);

/** What a heartbeat says of the work: nothing, that it drains, or that it works, for some time without progress. */
function activityAt(now: number, detail: number): Activity | undefined {
  if (detail % 13 === 12) return { state: "draining" };
  const [maxSilenceMs, silentMs] = SILENCES[detail % SILENCES.length] ?? [];
  if (maxSilenceMs === undefined || silentMs === undefined) return undefined;
  return { state: "working", maxSilenceMs, progressAt: now - silentMs };
}

/** How long work may be silent, and how long it was. */
const SILENCES = [[], [3000, 1000], [3000, 4000], [6500, 0], [], [60_000, 0]] as const;

/** Lets everything go on that waits for nothing. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** What the filter of the stream lets through: see `lib/transitions.ts`. */
export function passesFilter({
  dynamodb: { OldImage = {}, NewImage = {} },
}: StreamRecord): boolean {
  const changed = (attribute: string) =>
    (OldImage[attribute] === undefined) !== (NewImage[attribute] === undefined);
  const [drained, drains] = [OldImage, NewImage].map(
    ({ activity }) => activity?.M?.state?.S === "draining",
  );
  const began = drains && !drained;
  return (
    changed("onlineSince") || changed("stalledSince") || began || NewImage.displacedAt !== undefined
  );
}
