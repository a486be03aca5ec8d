/** The program of a demo agent: a process of its own that does nothing but show that it lives. */

import { HeartbeatAgent } from "@agent-heartbeat/sdk";

const agent = new HeartbeatAgent(JSON.parse(process.argv[2] ?? "{}"));
void agent.run().then(() => process.exit(0));
