/**
 * The wire protocol in types: every message, limit and name that client and server share.
 *
 * @module @agent-heartbeat/sdk/protocol
 */

export * from "../../core/protocol";
