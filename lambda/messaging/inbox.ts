/** Subjects of answers to requests. */

import { RESERVED } from "../../core/protocol";
import { agentOfToken } from "../../core/subject";

/** The requesting agent, which an answer's subject names; undefined for any other subject. */
export function inboxOwner(subject: string): string | undefined {
  const [first, owner] = subject.split(".");
  return first === RESERVED.inbox && owner !== undefined ? agentOfToken(owner) : undefined;
}
