/** Refuses subjects and patterns that are none, with the SDK's error. */

import { SubjectError } from "./errors";
import { isPattern, isSubject, PATTERN_FORM, SUBJECT_FORM } from "./subject";

/** @throws SubjectError if it is no pattern. */
export function checkPattern(pattern: string): void {
  if (typeof pattern === "string" && isPattern(pattern)) return;
  throw new SubjectError(`subject: expected ${PATTERN_FORM}, got ${JSON.stringify(pattern)}`);
}

/** @throws SubjectError if it is no subject. */
export function checkSubject(subject: string): void {
  if (typeof subject === "string" && isSubject(subject)) return;
  throw new SubjectError(`subject: expected ${SUBJECT_FORM}, got ${JSON.stringify(subject)}`);
}
