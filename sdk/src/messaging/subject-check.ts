/** Refuses subjects and patterns that are none, with the SDK's error. */

import { isPattern, isSubject, PATTERN_FORM, SUBJECT_FORM } from "../../../core/subject";
import { SubjectError } from "../errors";
import { show } from "../user-code";

/** @throws SubjectError if it is no pattern, or begins with a token that nobody may subscribe to. */
export function checkPattern(pattern: string, forbidden: string): void {
  check(pattern, isPattern, PATTERN_FORM);
  if (pattern.split(".")[0] !== forbidden) return;
  throw new SubjectError(`subject: expected one that is not under ${forbidden}, got "${pattern}"`);
}

/** @throws SubjectError if it is no subject. */
export function checkSubject(subject: unknown): asserts subject is string {
  check(subject, isSubject, SUBJECT_FORM);
}

function check(text: unknown, fits: (text: string) => boolean, form: string): void {
  if (typeof text === "string" && fits(text)) return;
  throw new SubjectError(`subject: expected ${form}, got ${show(text)}`);
}
