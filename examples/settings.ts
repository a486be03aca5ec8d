/** Where the examples connect, and as whom: from the environment, which `npm run example` fills in. */

/** What every agent needs to know. */
export interface Settings {
  url: string;
  organizationId: string;
  agentId: string;
  privateKeyPath: string;
}

/** @throws Error naming the variable that is missing */
export function settingsFromEnvironment(environment: NodeJS.ProcessEnv = process.env): Settings {
  const required = (name: string) => {
    const value = environment[name];
    if (!value) throw new Error(`set ${name}, or start the example by npm run example`);
    return value;
  };
  return {
    url: required("AGENT_HEARTBEAT_URL"),
    organizationId: required("AGENT_HEARTBEAT_ORGANIZATION"),
    agentId: required("AGENT_HEARTBEAT_AGENT"),
    privateKeyPath: required("AGENT_HEARTBEAT_KEY"),
  };
}
