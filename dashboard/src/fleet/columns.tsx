/** The columns of the fleet table. */

import Link from "@cloudscape-design/components/link";
import type { TableProps } from "@cloudscape-design/components/table";
import { HREFS } from "../shell/route";
import { spanText, timeText } from "../text/duration";
import { Ticking } from "../time/ticker";
import { activityText, heartbeatText, secondsText } from "./agent-text";
import { HealthIndicator } from "./health-indicator";
import { byUrgency, metadataField, type Row } from "./row";

export type Column = TableProps.ColumnDefinition<Row> & { id: string; name: string };

/** Columns shown by default. */
export const DEFAULT_COLUMNS = [
  "health",
  "agentId",
  "heartbeat",
  "activity",
  "connectedAt",
  "interval",
  "flaps",
  metadataField("version"),
];

interface ColumnSource extends Omit<Column, "header" | "cell"> {
  cell: (row: Row) => React.ReactNode;
}

export function columnsOf(metadata: readonly string[], stale: boolean): Column[] {
  const columns: ColumnSource[] = [
    {
      id: "health",
      name: "Status",
      cell: ({ agent }) => <HealthIndicator agent={agent} stale={stale} />,
      sortingComparator: byUrgency,
      width: 205,
      minWidth: 120,
    },
    {
      id: "agentId",
      name: "Agent",
      cell: ({ agentId }) => <Link href={HREFS.agent(agentId)}>{agentId}</Link>,
      sortingField: "agentId",
      isRowHeader: true,
      width: 140,
    },
    {
      id: "heartbeat",
      name: "Last heartbeat",
      cell: ({ agent }) => <Ticking text={(now) => heartbeatText(agent, now)} />,
      sortingComparator: (a, b) => b.agent.lastHeartbeatAt - a.agent.lastHeartbeatAt,
      width: 225,
    },
    {
      id: "activity",
      name: "Activity",
      cell: ({ agent }) => <Ticking text={(now) => activityText(agent, now)} />,
      sortingField: "activity",
      width: 170,
    },
    {
      id: "connectedAt",
      name: "Connected",
      width: 155,
      cell: ({ agent }) =>
        agent.status === "offline" ? (
          "–"
        ) : (
          <Ticking
            text={(now) =>
              `${timeText(agent.connectedAt, now)} (${spanText(now - agent.connectedAt)})`
            }
          />
        ),
      sortingComparator: (a, b) => a.agent.connectedAt - b.agent.connectedAt,
    },
    {
      id: "interval",
      name: "Interval",
      width: 115,
      cell: ({ agent }) => secondsText(agent.heartbeatIntervalMs),
      sortingComparator: (a, b) => a.agent.heartbeatIntervalMs - b.agent.heartbeatIntervalMs,
    },
    {
      id: "flaps",
      name: "Flaps (1 h)",
      width: 130,
      cell: ({ flaps }) => flaps ?? "…",
      sortingComparator: (a, b) => (a.flaps ?? -1) - (b.flaps ?? -1),
    },
    {
      id: "since",
      name: "Status since",
      width: 180,
      cell: ({ agent }) => <Ticking text={(now) => timeText(agent.since, now)} />,
      sortingComparator: (a, b) => a.agent.since - b.agent.since,
    },
    {
      id: "capabilities",
      name: "Capabilities",
      cell: ({ capabilities }) => capabilities || "–",
      sortingField: "capabilities",
    },
    {
      id: "instanceId",
      name: "Instance",
      cell: ({ agent }) => agent.instanceId,
    },
    ...metadata.map((name) => ({
      id: metadataField(name),
      name: capitalised(name),
      width: 110,
      cell: (row: Row) => row[metadataField(name)] ?? "–",
      sortingField: metadataField(name),
    })),
  ];
  return columns.map((column) => ({ ...column, header: column.name }));
}

const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
