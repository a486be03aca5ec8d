/** Who takes part in a history, and what it does, as the world itself knows it. */

import type { StatusRow } from "@agent-heartbeat/sdk/status";
import type { Activity, OfflineReason } from "../../../core/presence";
import { entryOf } from "../../../core/row-connections";
import type { AcquireOutcome, HttpHolder, LeaseHolder } from "../../../lambda/lease/holder";

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

export const name = ({ process, holder }: Connection) => `P${process}/${holder.connectionId}`;

export const entry = ({ holder }: Connection) => entryOf(holder.connectionId, holder.keyTag);
