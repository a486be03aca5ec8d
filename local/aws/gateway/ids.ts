/** Ids in API Gateway's format: eleven bytes in padded base64, such as `L0SM9cOFvHcCIhw=`. */

import { randomBytes } from "node:crypto";

const PATTERN = /^[A-Za-z0-9_-]{15}=$/;

export const newId = (): string => `${randomBytes(11).toString("base64url")}=`;

export const isId = (text: string): boolean => PATTERN.test(text);

/** A trace id in X-Ray's format, such as `Root=1-6731ebfc-08e1e656421db73c5d2eef31`. @param now epoch milliseconds */
export function newTraceId(now: number): string {
  const seconds = Math.floor(now / 1000)
    .toString(16)
    .padStart(8, "0");
  return `Root=1-${seconds}-${randomBytes(12).toString("hex")}`;
}
