/** The dialog that sets columns, page size and density of the table. */

import CollectionPreferences, {
  type CollectionPreferencesProps,
} from "@cloudscape-design/components/collection-preferences";
import type { Column } from "./columns";
import type { TablePreferences } from "./table-preferences";

const PAGE_SIZES = [10, 20, 50, 100];

export interface FleetPreferencesProps {
  columns: readonly Column[];
  preferences: TablePreferences;
  onChoice(chosen: CollectionPreferencesProps.Preferences): void;
}

export function FleetPreferences({ columns, preferences, onChoice }: FleetPreferencesProps) {
  return (
    <CollectionPreferences
      title="Preferences"
      confirmLabel="Confirm"
      cancelLabel="Cancel"
      preferences={preferences}
      onConfirm={({ detail }) => onChoice(detail)}
      pageSizePreference={{
        options: PAGE_SIZES.map((value) => ({ value, label: `${value} agents` })),
      }}
      wrapLinesPreference={{}}
      stripedRowsPreference={{}}
      contentDensityPreference={{}}
      contentDisplayPreference={{
        options: columns.map(({ id, name }) => ({
          id,
          label: name,
          alwaysVisible: id === "agentId",
        })),
      }}
    />
  );
}
