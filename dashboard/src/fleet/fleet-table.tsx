/** The table of the fleet: filtered, sorted and paged in the page itself, and calm under the pointer. */

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
import { isBlind } from "./fleet-store";
import type { Health } from "./health";
import { useHeldOrder } from "./held-order";
import { byUrgency, type Row } from "./row";
import { isShown, useTablePreferences } from "./table-preferences";
import { useRows } from "./use-rows";

export function FleetTable({ filter }: { filter: readonly Health[] }) {
  const fleet = useFleet();
  const { wantHistories } = useStore();
  const blind = isBlind(fleet);
  const { rows, metadata, properties, options } = useRows();
  const columns = useMemo(() => columnsOf(metadata, blind), [metadata, blind]);
  const { preferences, choose } = useTablePreferences(columns);
  const { items, actions, collectionProps, filterProps, query, paginationProps, matches } =
    useFleetCollection({ rows, properties, options, filter, pageSize: preferences.pageSize });

  const [pointedAt, setPointedAt] = useState(false);
  const order = useHeldOrder<Row>(({ agentId }) => agentId);
  const byId = useMemo(() => new Map(rows.map((row) => [row.agentId, row])), [rows]);
  const { sortingColumn, sortingDescending } = collectionProps;
  const shown = order.order(items, {
    hold: pointedAt,
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
  const shownIds = shown.map(({ agentId }) => agentId).join();
  useEffect(() => {
    if (flapsShown && !blind && shownIds !== "") wantHistories(shownIds.split(","));
  }, [flapsShown, blind, shownIds, wantHistories]);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only notices where the pointer is
    <div
      onPointerOver={({ target }) => setPointedAt(isInBody(target))}
      onPointerLeave={() => setPointedAt(false)}
      onFocus={({ target }) => setPointedAt(isInBody(target))}
      onBlur={() => setPointedAt(false)}
    >
      <Table
        {...collectionProps}
        items={shown}
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
        loadingText="Asking for the fleet"
        empty={
          <Empty
            filtered={rows.length > 0}
            onClear={() => actions.setPropertyFiltering(queryForHealth())}
          />
        }
        header={
          <Header
            counter={counterText(matches, rows.length)}
            description={orderText(fleet.loaded, pointedAt)}
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
  if (!filtered) return <Box color="inherit">No agent of this organization has connected yet</Box>;
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

function orderText(loaded: boolean, held: boolean): string {
  if (!loaded) return "The fleet is being listed: more agents follow";
  return held
    ? "Rows keep their places while you point at them"
    : "Rows follow the order as agents change";
}
