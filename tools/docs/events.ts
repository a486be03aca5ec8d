/** Generates the tables and examples of docs/events.md from the types of the events. */

import { join } from "node:path";
import { EVENT_DETAIL_TYPES, EVENT_SOURCE } from "../../core/events";
import { EVENT_EXAMPLES } from "./event-examples";
import { commentOf, fieldTable, interfacesOf, parse, required, table } from "./fields";
import { eventSchemaOf } from "./schemas";

const CORE = join(__dirname, "../../core");

/** The interface of the `detail` of each event. */
const DETAILS: Readonly<Record<keyof typeof EVENT_DETAIL_TYPES, string>> = {
  online: "AgentOnlineDetail",
  offline: "AgentOfflineDetail",
  stalled: "AgentStalledDetail",
  recovered: "AgentRecoveredDetail",
  draining: "AgentDrainingDetail",
  massExpirySuspected: "MassExpirySuspectedDetail",
  massExpiryEnded: "MassExpiryEndedDetail",
  message: "AgentMessageDetail",
};
const NAMES = Object.keys(DETAILS) as (keyof typeof DETAILS)[];

/** The text of each generated block, by its name. */
export function eventBlocks(): Record<string, string> {
  const interfaces = interfacesOf(parse(join(CORE, "presence.ts")), parse(join(CORE, "events.ts")));
  const fields = (name: string) => fieldTable(required(interfaces, name), interfaces);
  const rows = NAMES.map((name) => {
    const detailType = EVENT_DETAIL_TYPES[name];
    const file = eventSchemaOf(detailType);
    return [
      `\`${detailType}\``,
      name === "message" ? "any" : `\`${EVENT_SOURCE}\``,
      commentOf(required(interfaces, DETAILS[name])).replace(/\s+/g, " "),
      `[schema](schemas/${file})`,
    ];
  });
  const examples = NAMES.map((name) => {
    const example = JSON.stringify(EVENT_EXAMPLES[EVENT_DETAIL_TYPES[name]], null, 2);
    return `### ${EVENT_DETAIL_TYPES[name]}\n\n\`\`\`json\n${example}\n\`\`\``;
  });
  return {
    events: table(["`detail-type`", "`source`", "when", ""], rows),
    transition: fields("Transition"),
    "mass-expiry": fields("MassExpiryEndedDetail"),
    message: fields("AgentMessageDetail"),
    examples: examples.join("\n\n"),
  };
}
