/** A link to an agent. An id that is too long for its place is cut in the middle, since ids often differ at their ends. */

import Link from "@cloudscape-design/components/link";
import { HREFS } from "../shell/route";

/** Characters at the end of an id that are always shown. */
const TAIL = 12;

export function AgentLink({ agentId }: { agentId: string }) {
  return (
    <Link href={HREFS.agent(agentId)} ariaLabel={agentId}>
      <span className="cut-in-middle" title={agentId}>
        <span>{agentId.slice(0, -TAIL)}</span>
        <span>{agentId.slice(-TAIL)}</span>
      </span>
    </Link>
  );
}
