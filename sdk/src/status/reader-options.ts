/** The options of a status reader and of its lists. */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { ConnectionAgent } from "../../../core/aws-client";
import type { Status } from "../../../core/presence";
import type { Names } from "../../../core/unknown-names";
import type { Clock } from "./dynamodb-clock";

export interface StatusReaderOptions {
  /** Name of the AgentStatus table: the stack's output `StatusTableName`. */
  tableName: string;
  /** The stack's output `RegistryTableName`, for history, counts, profiles and capabilities. @default - these are not available */
  registryTableName?: string | undefined;
  /** @default a new client, from `region`, `endpoint` and the environment's credentials */
  client?: DynamoDBClient | undefined;
  /** Region of the table, if no client is given. */
  region?: string | undefined;
  /** DynamoDB's URL, if no client is given and it is not the region's, as for the local runtime. */
  endpoint?: string | undefined;
  /**
   * Makes the connections, if no client is given: `proxyAgent()` of the SDK for the proxy that the environment names.
   *
   * @default none: AWS's region is reached directly
   */
  agent?: ConnectionAgent | undefined;
  /** Whether reads are strongly consistent, at twice the cost. @default false */
  consistent?: boolean | undefined;
  /** The local clock, in epoch milliseconds. @default Date.now */
  now?: Clock | undefined;
  /** Whether to use DynamoDB's clock if `now` differs from it by seconds. @default true */
  correctClock?: boolean | undefined;
}

export interface ListAgentsOptions {
  organizationId: string;
  /** Only agents of this derived status. @default both */
  status?: Status | undefined;
  /** The `cursor` of the previous page. @default - the first page */
  cursor?: string | null | undefined;
  /** Agents per page at most, 1 to 1000. @default 100 */
  limit?: number | undefined;
  /** Whether to include each agent's profile. Needs `registryTableName`. @default false */
  profiles?: boolean | undefined;
  /** The size of a page at most, in bytes of its agents as JSON. @default - no limit */
  maxBytes?: number | undefined;
}

export const READER_OPTIONS: Names<StatusReaderOptions> = {
  tableName: true,
  registryTableName: true,
  client: true,
  region: true,
  endpoint: true,
  agent: true,
  consistent: true,
  now: true,
  correctClock: true,
};

export const LIST_OPTIONS: Names<ListAgentsOptions> = {
  organizationId: true,
  status: true,
  cursor: true,
  limit: true,
  profiles: true,
  maxBytes: true,
};
