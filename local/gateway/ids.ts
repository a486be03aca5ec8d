/** Ids in API Gateway's form: eleven bytes in base64, padded, such as `L0SM9cOFvHcCIhw=`. */

import { randomBytes } from "node:crypto";

const PATTERN = /^[A-Za-z0-9_-]{15}=$/;

export const newId = (): string => `${randomBytes(11).toString("base64url")}=`;

export const isId = (text: string): boolean => PATTERN.test(text);
