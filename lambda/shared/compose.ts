/** What several functions are composed of, from the environment that the stack gives them. */

import type { HeartbeatTerms } from "../authorize/login";
import { LeaseStore } from "../lease/store";
import { dynamoDbAgentLocator } from "../messaging/agent-locator";
import { CapableAgents } from "../messaging/capable-agents";
import { MessageRouter } from "../messaging/message-router";
import { OpenRequests } from "../messaging/open-requests";
import { SubscriptionStore } from "../messaging/subscriptions";
import { ProfileStore } from "../profile/store";
import { connectionsClient, dynamoDbClient, postsClient } from "./clients";
import { type Connections, gatewayConnections } from "./connections";
import { requireEnv, requireNumberEnv } from "./environment";
import { dynamoDbGuard } from "./guard";
import { lazily } from "./lazily";
import { SenderRates } from "./sender-rates";

/** One client a function, for its whole life; a function that has no use for it is bundled without. */
export const dynamoDb = /* @__PURE__ */ dynamoDbClient();

export const leaseStore = () =>
  new LeaseStore({
    client: dynamoDb,
    tableName: requireEnv("STATUS_TABLE_NAME"),
    retentionMs: requireNumberEnv("RETENTION_MS"),
  });

/** The deployment's heartbeat settings. */
export const heartbeatTerms = (): HeartbeatTerms => ({
  defaultIntervalMs: requireNumberEnv("DEFAULT_HEARTBEAT_INTERVAL_MS"),
  defaultTimeoutMultiplier: requireNumberEnv("DEFAULT_HEARTBEAT_TIMEOUT_MULTIPLIER"),
  minIntervalMs: requireNumberEnv("MIN_HEARTBEAT_INTERVAL_MS"),
  maxIntervalMs: requireNumberEnv("MAX_HEARTBEAT_INTERVAL_MS"),
});

export const subscriptionStore = () =>
  new SubscriptionStore(dynamoDb, requireEnv("SUBSCRIPTIONS_TABLE_NAME"));

export const openRequests = () =>
  new OpenRequests(dynamoDb, requireEnv("SUBSCRIPTIONS_TABLE_NAME"));

export const capableAgents = () =>
  new CapableAgents(dynamoDb, requireEnv("SUBSCRIPTIONS_TABLE_NAME"));

export const profileStore = () => new ProfileStore(dynamoDb, requireEnv("REGISTRY_TABLE_NAME"));

export const agentLocator = () => dynamoDbAgentLocator(dynamoDb, requireEnv("STATUS_TABLE_NAME"));

/** Counts beside the subscriptions. */
export const senderRates = () => new SenderRates(dynamoDb, requireEnv("SUBSCRIPTIONS_TABLE_NAME"));

export const guard = () => dynamoDbGuard(dynamoDb, requireEnv("STATUS_TABLE_NAME"));

export function stageConnections(): Connections {
  const endpoint = requireEnv("CALLBACK_URL");
  return gatewayConnections({
    posts: lazily(() => postsClient(endpoint)),
    control: lazily(() => connectionsClient(endpoint)),
  });
}

export const messageRouter = (connections: Connections) =>
  new MessageRouter({
    subscriptions: subscriptionStore(),
    capable: capableAgents(),
    agents: agentLocator(),
    connections,
    requests: openRequests(),
    log: console,
  });
