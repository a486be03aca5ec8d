/** The names of all props: unknown ones are errors in JavaScript too, not only in TypeScript. */

import { type Names, nearest, unknownName } from "../core/unknown-names";
import type { CustomDomainProps } from "./custom-domain";
import type { ExistingTables } from "./existing-tables";
import type { AgentHeartbeatProps } from "./props";
import type { StatusTableCapacity } from "./status-table-capacity";
import type { ThrottlingProps } from "./throttling-props";

const PROPS: Names<AgentHeartbeatProps> = {
  heartbeat: true,
  sweepInterval: true,
  selfPreservation: true,
  retention: true,
  logRetention: true,
  http: true,
  httpDomain: true,
  dashboard: true,
  dashboardDomain: true,
  throttling: true,
  reservedConcurrency: true,
  reconnect: true,
  accessLogs: true,
  alarms: true,
  alarmTopic: true,
  runbookUrl: true,
  cloudWatchDashboard: true,
  tracing: true,
  removalPolicy: true,
  customDomain: true,
  eventBus: true,
  tables: true,
  statusTableCapacity: true,
  encryptionKey: true,
};
const THROTTLING: Names<ThrottlingProps> = { rateLimit: true, burstLimit: true, routes: true };
const DOMAIN: Names<CustomDomainProps> = { domainName: true, certificate: true, hostedZone: true };
const TABLES: Names<ExistingTables> = { status: true, registry: true, subscriptions: true };
const CAPACITY: Names<StatusTableCapacity> = {
  minWriteUnits: true,
  maxWriteUnits: true,
  minReadUnits: true,
  maxReadUnits: true,
  targetUtilization: true,
};

/** @throws Error if there is no prop of a name */
export function expectProps(props: AgentHeartbeatProps): void {
  expectNames("", props, PROPS);
  expectNames("throttling.", props.throttling, THROTTLING);
  expectNames("customDomain.", props.customDomain, DOMAIN);
  expectNames("httpDomain.", props.httpDomain, DOMAIN);
  expectNames("dashboardDomain.", props.dashboardDomain, DOMAIN);
  expectNames("tables.", props.tables, TABLES);
  expectNames("statusTableCapacity.", props.statusTableCapacity, CAPACITY);
}

/** @throws Error if an object has a name that is not known */
export function expectNames(where: string, given: object | undefined, known: object): void {
  const fault = given && unknownName(given, known);
  if (fault) throw new Error(where + fault);
}

/**
 * The construct's props among those of a stack, whose others depend on the version of CDK.
 *
 * @throws Error if an unknown name is close to one of the construct's
 */
export function propsIn(given: object, known: object): AgentHeartbeatProps {
  const others = Object.keys(given).filter((name) => !Object.hasOwn({ ...PROPS, ...known }, name));
  for (const name of others) {
    const meant = nearest(name, Object.keys(PROPS));
    if (meant) throw new Error(`${name}: unknown; did you mean ${meant}?`);
  }
  const own = Object.entries(given).filter(([name]) => Object.hasOwn(PROPS, name));
  return Object.fromEntries(own);
}
