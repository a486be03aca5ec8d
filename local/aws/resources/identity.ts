/** Names and ids of resources that only exist locally. */

import { createHash } from "node:crypto";

/** The emulated account and region. */
export interface Environment {
  accountId: string;
  region: string;
  stackName: string;
}

/** The input for generating a resource's names. */
export interface Identity extends Environment {
  logicalId: string;
  /** Unresolved. */
  properties: Record<string, unknown>;
}

/** The name in the template, or one made from the stack's name and the logical id. */
export function nameOf({ stackName, logicalId, properties }: Identity, property: string): string {
  const given = properties[property];
  return typeof given === "string" ? given : `${stackName}-${logicalId}`;
}

export function arnOf({ region, accountId }: Environment, service: string, resource: string) {
  return `arn:aws:${service}:${region}:${accountId}:${resource}`;
}

/** An id in the format of API Gateway: ten lower-case letters and digits. Deterministic. */
export function shortIdOf({ stackName, logicalId }: Identity): string {
  const digest = createHash("sha256").update(`${stackName}/${logicalId}`).digest("hex");
  return BigInt(`0x${digest}`).toString(36).slice(0, 10);
}
