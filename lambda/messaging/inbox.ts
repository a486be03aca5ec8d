/** Subjects of answers to requests. */

import { agentOfToken, RESERVED } from "../../core/subject";

/** The requesting agent, which an answer's subject names; undefined for any other subject. */
export function inboxOwner(subject: string): string | undefined {
  const [first, owner] = subject.split(".");
  return first === RESERVED.inbox && owner !== undefined ? agentOfToken(owner) : undefined;
}
