/** What passes between the run and the process of the local runtime. */

import type { SignOfLife, ToldEvent } from "../evidence";

/** How to start the runtime; its command line. */
export interface RuntimeSettings {
  receptionPort: number;
  name: string;
  origin: number;
  assemblyDirectory: string;
  dynamoDbEndpoint: string;
  /** 0 for a free one. */
  port: number;
  /** Of the chance by which calls fail. */
  seed: number;
}

export type RuntimeCommand =
  /** Calls of a function fail, this share of them: before it runs, or after, when its work is done. */
  | { do: "fail"; functionName: string; share: number; when: "before" | "after" }
  | { do: "heal"; functionName: string }
  | { do: "end environment"; functionName: string }
  /** Runs the sweep. */
  | { do: "sweep" }
  | { do: "count connections" };

export type RuntimeReport =
  | {
      what: "ready";
      webSocketUrl: string;
      port: number;
      statusTableName: string;
      registryTableName: string;
    }
  | { what: "failed to start"; why: string }
  | ({ what: "sign"; link?: string } & SignOfLife)
  | { what: "released"; connectionId: string }
  | { what: "subscribed"; connectionId: string }
  | ({ what: "told" } & ToldEvent)
  | { what: "swept" }
  | { what: "connections"; count: number }
  | { what: "lag"; at: number; ms: number }
  | { what: "problem"; text: string };
