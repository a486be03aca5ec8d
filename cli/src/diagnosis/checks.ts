/** What `doctor` looks at: each check finds one thing out, and says what to do where it is not well. */

import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Deployment, Service } from "../deployment/deployment";
import { serverTime } from "../deployment/server-time";
import { explain } from "../failure";
import type { Io } from "../io";
import { readPrivateKeyId } from "../keys/key-files";
import { massExpiryText } from "../status/mass-expiry";
import { duration } from "../terminal/durations";
import type { Finding } from "../terminal/finding";

export interface CheckOptions {
  agent?: string;
  key?: string;
}

type Check<Of = Deployment> = (
  deployment: Of,
  options: CheckOptions,
  io: Io,
) => Promise<Omit<Finding, "check">>;

/** Rights beyond those of the owner. */
const OTHERS = 0o077;

/** An agent that nobody has, to see whether a table answers. */
const NOBODY = { organizationId: "doctor", agentId: "nobody" };

/** What needs no organization. */
const TABLE_CHECKS: Readonly<Record<string, Check<Service>>> = {
  "status table": async ({ statuses, target }) => {
    await statuses.getAgent(NOBODY.organizationId, NOBODY.agentId);
    return ok(`${target.statusTableName} answers`);
  },

  "registry table": async ({ registry, target }) => {
    await registry.get(NOBODY);
    return ok(`${target.registryTableName} answers`);
  },
};

const ORGANIZATION_CHECKS: Readonly<Record<string, Check>> = {
  "status table": async ({ statuses, organizationId, target }) => {
    const { online, offline } = await statuses.countByStatus(organizationId);
    return ok(`${target.statusTableName} answers: ${online} online, ${offline} offline`);
  },

  "registry table": async ({ registry, organizationId, target }) => {
    const { agents, cursor } = await registry.list({ organizationId, limit: 1000 });
    const count = `${agents.length}${cursor ? " or more" : ""} registered`;
    if (agents.length > 0) return ok(`${target.registryTableName} answers: ${count}`);
    return warning(
      `${target.registryTableName} answers: organization ${organizationId} has no agents`,
      "Register one with `agents register`, or check --organization.",
    );
  },

  "silent agents": async ({ statuses, organizationId }, _, io) => {
    const massExpiry = await statuses.massExpiry(organizationId);
    if (!massExpiry) return ok("no mass expiry is suspected");
    return warning(
      massExpiryText(massExpiry, serverTime({ statuses }, io)),
      "Check RouteFailures, FunctionErrors and TableThrottles first: `agent-heartbeat runbook MassExpirySuspected`.",
    );
  },
};

const SERVICE_CHECKS: Readonly<Record<string, Check<Service>>> = {
  // After a read, whose response has the server's time.
  clock: async ({ statuses }) => {
    const offset = statuses.clockOffsetMs;
    if (offset === 0) return ok("this machine's clock agrees with the server's");
    const direction = offset > 0 ? "behind" : "ahead of";
    return warning(
      `this machine's clock is ${duration(Math.abs(offset))} ${direction} the server's`,
      "Set it with NTP. Agents and this command correct for it; other programs do not.",
    );
  },

  endpoint: ({ target: { webSocketUrl } }, _, io) =>
    answers(webSocketUrl, webSocketUrl.replace(/^ws/, "http"), io),
};

/** Deployments without HTTP have nothing to check. */
const HTTP_CHECKS: Readonly<Record<string, Check<Service>>> = {
  "HTTP endpoint": ({ target: { httpUrl } }, _, io) => answers(httpUrl, httpUrl, io),
};

async function answers(name: string, url: string, io: Io): Promise<Omit<Finding, "check">> {
  try {
    return ok(`${name} answers (HTTP ${await io.reach(url)} without a token)`);
  } catch (error) {
    const { message } = explain(error);
    return failed(
      `${name} does not answer: ${message}`,
      "Check the network, proxies, and that the deployment still exists.",
    );
  }
}

const AGENT_CHECKS: Readonly<Record<string, Check>> = {
  agent: async ({ registry, organizationId }, { agent: agentId = "" }) => {
    const agent = await registry.get({ organizationId, agentId });
    if (!agent) return failed(`${agentId} is not registered`, "`agents register` lets it connect.");
    if (!agent.enabled) return failed(`${agentId} is disabled`, "`agents enable` lets it connect.");
    return ok(`${agentId} is registered and enabled, with ${agent.publicKeys.length} of 2 keys`);
  },
};

const KEY_CHECKS: Readonly<Record<string, Check>> = {
  key: async ({ registry, organizationId }, { agent: agentId = "", key: file = "" }, io) => {
    const keyId = await readPrivateKeyId(file, io);
    const agent = await registry.get({ organizationId, agentId });
    if (!agent?.publicKeys.some((key) => key.keyId === keyId)) {
      return failed(
        `${file} contains the key ${keyId}, which is not registered for ${agentId}`,
        "Use a registered key, or register this one with `agents rotate-key --public-key`.",
      );
    }
    const { mode } = await stat(resolve(io.cwd, file));
    if ((mode & OTHERS) === 0) return ok(`${file} contains a key of ${agentId}`);
    const rights = (mode & 0o777).toString(8);
    return warning(`${file} is accessible to other users (mode ${rights})`, `chmod 600 ${file}`);
  },
};

/**
 * Makes every check in its order. A check that throws has failed.
 *
 * @param organizationId without one, only what needs none is checked
 */
export async function findings(
  service: Service,
  organizationId: string | undefined,
  options: CheckOptions,
  io: Io,
): Promise<Finding[]> {
  const http = service.target.outputs.HttpUrl === undefined ? {} : HTTP_CHECKS;
  if (organizationId === undefined) {
    const checks = { ...TABLE_CHECKS, ...SERVICE_CHECKS, ...http };
    return [...(await make(checks, service, options, io)), NO_ORGANIZATION];
  }
  const checks = {
    ...ORGANIZATION_CHECKS,
    ...SERVICE_CHECKS,
    ...http,
    ...(options.agent !== undefined && AGENT_CHECKS),
    ...(options.key !== undefined && KEY_CHECKS),
  };
  return make(checks, { ...service, organizationId }, options, io);
}

const NO_ORGANIZATION: Finding = {
  check: "organization",
  state: "warning",
  finding: "none given, so no agents were checked",
  fix: "Add --organization <id>; `organizations list` shows them.",
};

async function make<Of>(
  checks: Readonly<Record<string, Check<Of>>>,
  deployment: Of,
  options: CheckOptions,
  io: Io,
): Promise<Finding[]> {
  const results: Finding[] = [];
  for (const [check, look] of Object.entries(checks)) {
    try {
      results.push({ check, ...(await look(deployment, options, io)) });
    } catch (error) {
      const { message, hint } = explain(error);
      results.push({ check, ...failed(message, hint) });
    }
  }
  return results;
}

const ok = (finding: string) => ({ state: "ok" as const, finding });
const warning = (finding: string, fix: string) => ({ state: "warning" as const, finding, fix });
const failed = (finding: string, fix?: string) => ({
  state: "failed" as const,
  finding,
  ...(fix !== undefined && { fix }),
});
