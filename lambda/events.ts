/** Names of the events on the bus. */

export const EVENT_SOURCE = "agent-heartbeat";
export const ONLINE_DETAIL_TYPE = "Agent Online";
export const OFFLINE_DETAIL_TYPE = "Agent Offline";
