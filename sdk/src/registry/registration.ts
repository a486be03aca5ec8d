/** What callers of the registry pass and get: registrations, changes of keys, pages. */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { JobTerms } from "../../../core/job";
import type { RegisteredAgent } from "../../../core/registry-record";
import type { Role } from "../../../core/roles";
import type { Names } from "../../../core/unknown-names";
import type { Clock } from "../status/dynamodb-clock";
import type { PublicKeySource } from "./public-key";
import type { AgentName } from "./record-updates";

export interface AgentRegistryOptions {
  client: DynamoDBClient;
  /** The stack's output `RegistryTableName`. */
  registryTableName: string;
  /** The stack's output `StatusTableName`: an agent that is disabled or removed loses its presence. */
  statusTableName: string;
  /** The local clock, in epoch milliseconds, corrected by DynamoDB's. @default Date.now */
  now?: Clock | undefined;
}

export interface Registration extends AgentName {
  /** One or two keys in any form that `publicKeyFrom` reads. Of a private key only the public half is used. */
  publicKey: PublicKeySource | readonly PublicKeySource[];
  /** @default "agent" */
  role?: Role | undefined;
  /** Whether it may connect. @default true */
  enabled?: boolean | undefined;
  /** At most 256 characters. */
  description?: string | undefined;
  /** When the registration ends, in epoch milliseconds. @default - never */
  expiresAt?: number | undefined;
  /** For the role `job`: when its pings are due. `registerJob` makes the key that it needs. */
  job?: JobTerms | undefined;
}

export interface JobRegistration extends AgentName {
  job: JobTerms;
  /** At most 256 characters. */
  description?: string | undefined;
}

/** A job, and the secret of its ping URL, `<HttpUrl>/ping/<secret>`, which nothing stores. */
export interface RegisteredJob {
  agent: RegisteredAgent;
  pingSecret: string;
}

export interface KeyRotation extends AgentName {
  /** The new key, as in a registration. */
  publicKey: PublicKeySource;
  /** Id of the key to remove. @default - the older one of two; none if there is only one */
  retire?: string | undefined;
  /** Whether to end connections that were opened with a removed key. @default false */
  now?: boolean | undefined;
}

export interface KeyRemoval extends AgentName {
  keyId: string;
  /** Whether connections that were opened with the key end. @default false */
  now?: boolean | undefined;
}

export interface RegisteredAgentPage {
  /** In the order of their ids. */
  agents: RegisteredAgent[];
  /** Where the next page begins; null on the last one. */
  cursor: string | null;
}

/** The fields of a `JobRegistration`. */
export const JOB_REGISTRATION: Names<JobRegistration> = {
  organizationId: true,
  agentId: true,
  job: true,
  description: true,
};

/** The fields of a `Registration`. */
export const REGISTRATION: Names<Registration> = {
  organizationId: true,
  agentId: true,
  publicKey: true,
  role: true,
  enabled: true,
  description: true,
  expiresAt: true,
  job: true,
};
