/** The columns of the fleet table. */

import type { TableProps } from "@cloudscape-design/components/table";
import { spanText, timeText } from "../text/duration";
import { Ticking } from "../time/ticker";
import { AgentLink } from "./agent-link";
import { activityText, heartbeatText, secondsText } from "./agent-text";
import { HealthIndicator } from "./health-indicator";
import { byUrgency, metadataField, type Row } from "./row";

export type Column = TableProps.ColumnDefinition<Row> & { id: string; name: string };

/** Columns shown by default, and the width of the window from which on each has room, in pixels. */
const DEFAULT_COLUMNS: readonly (readonly [id: string, windowWidth: number])[] = [
  ["health", 0],
  ["agentId", 0],
  ["heartbeat", 800],
  ["activity", 600],
  ["connectedAt", 1240],
  ["interval", 1600],
  ["flaps", 1440],
  [metadataField("version"), 1240],
];

export const defaultColumns = (windowWidth: number): string[] =>
  DEFAULT_COLUMNS.filter(([, least]) => windowWidth >= least).map(([id]) => id);

/** Whether the window is a phone's: its table has two columns. */
const isNarrow = (): boolean => window.innerWidth < 600;

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
      width: isNarrow() ? 165 : 228,
      minWidth: 120,
    },
    {
      id: "agentId",
      name: "Agent",
      cell: ({ agentId }) => <AgentLink agentId={agentId} />,
      sortingField: "agentId",
      isRowHeader: true,
      width: isNarrow() ? 143 : 140,
    },
    {
      id: "heartbeat",
      name: "Last heartbeat",
      cell: ({ agent }) => <Ticking text={(now) => heartbeatText(agent, now)} />,
      sortingComparator: (a, b) => b.agent.lastHeartbeatAt - a.agent.lastHeartbeatAt,
      width: 218,
    },
    {
      id: "activity",
      name: "Activity",
      cell: ({ agent }) => <Ticking text={(now) => activityText(agent, now)} />,
      sortingField: "activity",
      width: 174,
    },
    {
      id: "connectedAt",
      name: "Connected",
      width: 138,
      cell: ({ agent }) =>
        agent.status === "offline" ? (
          "–"
        ) : (
          <span title={timeText(agent.connectedAt, 0)}>
            <Ticking text={(now) => spanText(now - agent.connectedAt)} />
          </span>
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
      width: 88,
      cell: (row: Row) => row[metadataField(name)] ?? "–",
      sortingField: metadataField(name),
    })),
  ];
  return columns.map((column) => ({ ...column, header: column.name }));
}

const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
