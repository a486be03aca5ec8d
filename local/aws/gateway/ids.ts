/** Ids in API Gateway's form: eleven bytes in base64, padded, such as `L0SM9cOFvHcCIhw=`. */

import { randomBytes } from "node:crypto";

const PATTERN = /^[A-Za-z0-9_-]{15}=$/;

export const newId = (): string => `${randomBytes(11).toString("base64url")}=`;

export const isId = (text: string): boolean => PATTERN.test(text);

/** A trace's id as X-Ray forms it, such as `Root=1-6731ebfc-08e1e656421db73c5d2eef31`. @param now epoch milliseconds */
export function newTraceId(now: number): string {
  const seconds = Math.floor(now / 1000)
    .toString(16)
    .padStart(8, "0");
  return `Root=1-${seconds}-${randomBytes(12).toString("hex")}`;
}
