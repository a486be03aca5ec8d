/** The messages between the run and the process of the local runtime. */

import type { PublishedEvent, Settlement, SignOfLife } from "../evidence";

/** The settings of the runtime, passed on its command line. */
export interface RuntimeSettings {
  receptionPort: number;
  name: string;
  origin: number;
  assemblyDirectory: string;
  dynamoDbEndpoint: string;
  /** 0 for a free one. */
  port: number;
  /** Seed of the failing calls. */
  seed: number;
  /** Only what befalls the agents of this organization is reported. */
  organizationId: string;
  /** Of all functions together. @default the runtime's */
  concurrency?: number;
}

export type RuntimeCommand =
  /** A share of a function's calls fails, before it runs or after it has finished. */
  | { do: "fail"; functionName: string; share: number; when: "before" | "after" }
  | { do: "heal"; functionName: string }
  | { do: "end environment"; functionName: string }
  /** Runs the sweep. */
  | { do: "sweep" }
  /** Brings a message to an agent, by a subject that it has subscribed to and by its name. */
  | { do: "deliver"; organizationId: string; agentId: string }
  | { do: "count connections" };

export type RuntimeReport =
  | {
      what: "ready";
      webSocketUrl: string;
      port: number;
      /** Of requests over HTTP. */
      httpPort: number;
      statusTableName: string;
      registryTableName: string;
    }
  | { what: "failed to start"; why: string }
  | ({ what: "sign"; link?: string } & SignOfLife)
  | { what: "released"; connectionId: string }
  | { what: "subscribed"; connectionId: string }
  | ({ what: "published" } & PublishedEvent)
  | ({ what: "settled" } & Settlement)
  | { what: "swept" }
  | { what: "connections"; count: number }
  | { what: "lag"; at: number; ms: number }
  | { what: "problem"; text: string };
