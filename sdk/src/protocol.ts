/**
 * The wire protocol in types: every message, limit and name that client and server share; and the events on the bus.
 *
 * @module @agent-heartbeat/sdk/protocol
 */

export * from "../../core/events";
export * from "../../core/protocol";
