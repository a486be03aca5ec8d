/** The list of transitions in the fleet since the page was opened. */

import { useCollection } from "@cloudscape-design/collection-hooks";
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import PropertyFilter from "@cloudscape-design/components/property-filter";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { useMemo } from "react";
import { EVENT_NAMES, eventStatus } from "../agent/timeline";
import { AgentLink } from "../fleet/agent-link";
import { useFleet } from "../fleet/context";
import type { FleetEvent } from "../fleet/event-log";
import { reasonText } from "../fleet/health";
import { timeText } from "../text/duration";
import { Ticking } from "../time/ticker";

interface EventRow {
  id: string;
  source: FleetEvent;
  agentId: string;
  event: string;
  reason: string;
}

const COLUMNS: TableProps.ColumnDefinition<EventRow>[] = [
  {
    id: "at",
    header: "When",
    cell: ({ source }) => <Ticking text={(now) => timeText(source.at, now)} />,
    width: 190,
  },
  {
    id: "agentId",
    header: "Agent",
    cell: ({ agentId }) => <AgentLink agentId={agentId} />,
    isRowHeader: true,
    width: 260,
  },
  {
    id: "event",
    header: "What",
    cell: ({ source, event }) => (
      <StatusIndicator type={eventStatus(source)}>{event}</StatusIndicator>
    ),
    width: 190,
  },
  { id: "reason", header: "Reason", cell: ({ reason }) => reason },
];

const PROPERTIES = [
  {
    key: "agentId",
    propertyLabel: "Agent",
    groupValuesLabel: "Agents",
    operators: [":", "!:", "="],
  },
  {
    key: "event",
    propertyLabel: "What",
    groupValuesLabel: "Events",
    operators: ["=", "!="],
  },
  { key: "reason", propertyLabel: "Reason", groupValuesLabel: "Reasons", operators: ["=", "!="] },
];

export function EventsView() {
  const { events } = useFleet();
  const rows = useMemo(() => events.map(rowOf), [events]);
  const options = useMemo(() => optionsOf(rows), [rows]);
  const { items, collectionProps, propertyFilterProps, paginationProps, filteredItemsCount } =
    useCollection(rows, {
      propertyFiltering: { filteringProperties: PROPERTIES, filteringOptions: options },
      pagination: { pageSize: 25 },
    });
  return (
    <Table
      {...collectionProps}
      items={items}
      trackBy="id"
      columnDefinitions={COLUMNS}
      resizableColumns
      enableKeyboardNavigation
      header={
        <Header
          variant="h1"
          counter={`(${rows.length})`}
          description="Since the page was opened, newest first"
        >
          Events
        </Header>
      }
      filter={
        <PropertyFilter
          {...propertyFilterProps}
          countText={`${filteredItemsCount ?? 0} matches`}
          filteringPlaceholder="Find events"
          filteringAriaLabel="Find events"
          expandToViewport
        />
      }
      pagination={<Pagination {...paginationProps} />}
      empty={<Box color="inherit">No events yet</Box>}
      ariaLabels={{ tableLabel: "Events" }}
    />
  );
}

function rowOf(source: FleetEvent): EventRow {
  const { id, agentId, event, reason } = source;
  return { id, source, agentId, event: EVENT_NAMES[event], reason: reasonText(reason) };
}

function optionsOf(rows: readonly EventRow[]) {
  const values = (key: "event" | "reason") =>
    [...new Set(rows.map((row) => row[key]))].map((value) => ({ propertyKey: key, value }));
  return [...values("event"), ...values("reason")];
}
