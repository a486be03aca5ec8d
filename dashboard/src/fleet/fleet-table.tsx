/**
 * The fleet table. It filters, sorts and pages in the browser, and keeps the order of rows while
 * the pointer is over them.
 */

import { useCollection } from "@cloudscape-design/collection-hooks";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import PropertyFilter from "@cloudscape-design/components/property-filter";
import Table from "@cloudscape-design/components/table";
import { useEffect, useMemo, useState } from "react";
import { columnsOf } from "./columns";
import { useFleet, useStore } from "./context";
import { queryForHealth } from "./filter";
import { FleetPreferences } from "./fleet-preferences";
import { isStale } from "./fleet-store";
import { useFrozenOrder } from "./frozen-order";
import type { Health } from "./health";
import { byUrgency, type Row } from "./row";
import { isShown, useTablePreferences } from "./table-preferences";
import { useRows } from "./use-rows";

export function FleetTable({ filter }: { filter: readonly Health[] }) {
  const fleet = useFleet();
  const { requestHistories } = useStore();
  const stale = isStale(fleet);
  const { rows, metadata, properties, options } = useRows();
  const columns = useMemo(() => columnsOf(metadata, stale), [metadata, stale]);
  const { preferences, choose } = useTablePreferences(columns);
  const { items, actions, collectionProps, filterProps, query, paginationProps, matches } =
    useFleetCollection({ rows, properties, options, filter, pageSize: preferences.pageSize });

  const [hovered, setHovered] = useState(false);
  const order = useFrozenOrder<Row>(({ agentId }) => agentId);
  const byId = useMemo(() => new Map(rows.map((row) => [row.agentId, row])), [rows]);
  const { sortingColumn, sortingDescending } = collectionProps;
  const visible = order.order(items, {
    freeze: hovered,
    find: (agentId) => byId.get(agentId),
    view: JSON.stringify([
      paginationProps.currentPageIndex,
      preferences.pageSize,
      query,
      columns.findIndex(({ sortingField, sortingComparator }) =>
        sortingComparator
          ? sortingComparator === sortingColumn?.sortingComparator
          : sortingField === sortingColumn?.sortingField,
      ),
      sortingDescending,
    ]),
  });

  const flapsShown = isShown(preferences, "flaps");
  const shownIds = visible.map(({ agentId }) => agentId).join();
  useEffect(() => {
    if (flapsShown && !stale && shownIds !== "") requestHistories(shownIds.split(","));
  }, [flapsShown, stale, shownIds, requestHistories]);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only tracks the pointer
    <div
      onPointerOver={({ target }) => setHovered(isInBody(target))}
      onPointerLeave={() => setHovered(false)}
      onFocus={({ target }) => setHovered(isInBody(target))}
      onBlur={() => setHovered(false)}
    >
      <Table
        {...collectionProps}
        items={visible}
        trackBy="agentId"
        columnDefinitions={columns}
        columnDisplay={preferences.contentDisplay}
        wrapLines={preferences.wrapLines}
        stripedRows={preferences.stripedRows}
        contentDensity={preferences.contentDensity}
        resizableColumns
        enableKeyboardNavigation
        variant="container"
        loading={!fleet.loaded && rows.length === 0}
        loadingText="Loading agents"
        empty={
          <Empty
            filtered={rows.length > 0}
            onClear={() => actions.setPropertyFiltering(queryForHealth())}
          />
        }
        header={
          <Header
            counter={counterText(matches, rows.length)}
            description={orderText(fleet.loaded, hovered)}
          >
            Agents
          </Header>
        }
        filter={
          <PropertyFilter
            {...filterProps}
            countText={`${matches?.toLocaleString("en") ?? 0} matches`}
            filteringPlaceholder="Find agents by status, reason, task, version …"
            filteringAriaLabel="Find agents"
            expandToViewport
          />
        }
        pagination={<Pagination {...paginationProps} />}
        preferences={
          <FleetPreferences columns={columns} preferences={preferences} onChoice={choose} />
        }
        ariaLabels={{ tableLabel: "Agents" }}
      />
    </div>
  );
}

interface CollectionSettings extends Omit<ReturnType<typeof useRows>, "metadata"> {
  filter: readonly Health[];
  pageSize: number;
}

function useFleetCollection({ rows, properties, options, filter, pageSize }: CollectionSettings) {
  const collection = useCollection(rows, {
    propertyFiltering: {
      filteringProperties: properties,
      filteringOptions: options,
      defaultQuery: queryForHealth(...filter),
    },
    sorting: { defaultState: { sortingColumn: { sortingComparator: byUrgency } } },
    pagination: { pageSize },
  });
  const { setPropertyFiltering } = collection.actions;
  const wanted = filter.join();
  useEffect(() => {
    if (wanted !== "") setPropertyFiltering(queryForHealth(...(wanted.split(",") as Health[])));
  }, [wanted, setPropertyFiltering]);
  return {
    ...collection,
    filterProps: collection.propertyFilterProps,
    query: collection.propertyFilterProps.query,
    matches: collection.filteredItemsCount,
  };
}

function Empty({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  if (!filtered) return <Box color="inherit">No agent has connected to this organization yet</Box>;
  return (
    <Box color="inherit" textAlign="center">
      <Box padding={{ bottom: "s" }}>No agent matches the filter</Box>
      <Button onClick={onClear}>Clear the filter</Button>
    </Box>
  );
}

const isInBody = (target: EventTarget): boolean =>
  target instanceof Element && target.closest("tbody") !== null;

function counterText(matches: number | undefined, total: number): string {
  const all = total.toLocaleString("en");
  return matches === undefined || matches === total
    ? `(${all})`
    : `(${matches.toLocaleString("en")}/${all})`;
}

function orderText(loaded: boolean, frozen: boolean): string {
  if (!loaded) return "Still loading: more agents follow";
  return frozen
    ? "Row order is paused while you point at a row"
    : "Rows are re-sorted as agents change";
}
