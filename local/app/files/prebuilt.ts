/** The default app and the demo agent, as contained in the published package. */

import { join } from "node:path";

/** The assembly of the construct with its defaults, beside the bundle. */
export const defaultAssembly = async (): Promise<string> => join(__dirname, "assembly");

/** The demo agent's program, beside the bundle. */
export const demoAgent = async (): Promise<string> => join(__dirname, "demo-agent.cjs");

/** The Python client is a separate package: the demo has no agent with it. */
export const pythonCommand = async (): Promise<undefined> => undefined;
