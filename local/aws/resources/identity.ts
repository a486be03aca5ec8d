/** How resources are named where nothing but this process knows them. */

import { createHash } from "node:crypto";

/** The account and region that everything local pretends to be in. */
export interface Environment {
  accountId: string;
  region: string;
  stackName: string;
}

/** What a kind of resource is given to work out its names. */
export interface Identity extends Environment {
  logicalId: string;
  /** Unresolved. */
  properties: Record<string, unknown>;
}

/** The name that the template gives, or one made of stack and logical id. */
export function nameOf({ stackName, logicalId, properties }: Identity, property: string): string {
  const given = properties[property];
  return typeof given === "string" ? given : `${stackName}-${logicalId}`;
}

export function arnOf({ region, accountId }: Environment, service: string, resource: string) {
  return `arn:aws:${service}:${region}:${accountId}:${resource}`;
}

/** An id like those that API Gateway gives: ten lower-case letters and digits, always the same ones. */
export function shortIdOf({ stackName, logicalId }: Identity): string {
  const digest = createHash("sha256").update(`${stackName}/${logicalId}`).digest("hex");
  return BigInt(`0x${digest}`).toString(36).slice(0, 10);
}
