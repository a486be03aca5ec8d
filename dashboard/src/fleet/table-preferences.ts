/** What whoever uses the table has chosen about it. */

import type { CollectionPreferencesProps } from "@cloudscape-design/components/collection-preferences";
import { usePreference } from "../shell/preference";
import { type Column, STANDARD_COLUMNS } from "./columns";

const STANDARD = {
  pageSize: 20,
  wrapLines: false,
  stripedRows: false,
  contentDensity: "comfortable" as "comfortable" | "compact",
  contentDisplay: STANDARD_COLUMNS.map((id) => ({ id, visible: true })),
};

export type TablePreferences = typeof STANDARD;

export function useTablePreferences(columns: readonly Column[]) {
  const [kept, keep] = usePreference("table", STANDARD);
  const known = new Set(kept.contentDisplay.map(({ id }) => id));
  const others = columns.filter(({ id }) => !known.has(id));
  const exists = new Set(columns.map(({ id }) => id));
  const preferences: TablePreferences = {
    ...kept,
    contentDisplay: [
      ...kept.contentDisplay.filter(({ id }) => exists.has(id)),
      ...others.map(({ id }) => ({ id, visible: false })),
    ],
  };
  const choose = (chosen: CollectionPreferencesProps.Preferences) =>
    keep({ ...preferences, ...chosen } as TablePreferences);
  return { preferences, choose };
}

export const isShown = ({ contentDisplay }: TablePreferences, columnId: string): boolean =>
  contentDisplay.some(({ id, visible }) => id === columnId && visible);
