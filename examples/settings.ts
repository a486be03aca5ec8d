/**
 * Connection settings of the examples, read from environment variables that `npm run example` sets.
 */

/** The settings that every agent needs. */
export interface Settings {
  url: string;
  organizationId: string;
  agentId: string;
  privateKeyPath: string;
}

/** @throws Error naming the missing variable */
export function settingsFromEnvironment(environment: NodeJS.ProcessEnv = process.env): Settings {
  const required = (name: string) => {
    const value = environment[name];
    if (!value) throw new Error(`set ${name}, or start the example with npm run example`);
    return value;
  };
  return {
    url: required("AGENT_HEARTBEAT_URL"),
    organizationId: required("AGENT_HEARTBEAT_ORGANIZATION"),
    agentId: required("AGENT_HEARTBEAT_AGENT"),
    privateKeyPath: required("AGENT_HEARTBEAT_KEY"),
  };
}
