/** The user's preferences for the fleet table. */

import type { CollectionPreferencesProps } from "@cloudscape-design/components/collection-preferences";
import { usePreference } from "../shell/preference";
import { type Column, defaultColumns } from "./columns";

const defaults = () => ({
  pageSize: 20,
  // So that nothing is cut off, at whatever width.
  wrapLines: true,
  stripedRows: false,
  contentDensity: "comfortable" as "comfortable" | "compact",
  contentDisplay: defaultColumns(window.innerWidth).map((id) => ({ id, visible: true })),
});

export type TablePreferences = ReturnType<typeof defaults>;

export function useTablePreferences(columns: readonly Column[]) {
  const [stored, store] = usePreference("table", defaults());
  const known = new Set(stored.contentDisplay.map(({ id }) => id));
  const added = columns.filter(({ id }) => !known.has(id));
  const exists = new Set(columns.map(({ id }) => id));
  const preferences: TablePreferences = {
    ...stored,
    contentDisplay: [
      ...stored.contentDisplay.filter(({ id }) => exists.has(id)),
      ...added.map(({ id }) => ({ id, visible: false })),
    ],
  };
  const choose = (chosen: CollectionPreferencesProps.Preferences) =>
    store({ ...preferences, ...chosen } as TablePreferences);
  return { preferences, choose };
}

export const isShown = ({ contentDisplay }: TablePreferences, columnId: string): boolean =>
  contentDisplay.some(({ id, visible }) => id === columnId && visible);
