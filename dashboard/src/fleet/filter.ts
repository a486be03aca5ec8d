/** Filter properties and options of the fleet table. */

import type {
  PropertyFilterOption,
  PropertyFilterProperty,
} from "@cloudscape-design/collection-hooks";
import { HEALTH_NAMES, HEALTHS, type Health } from "./health";
import { metadataField, type Row } from "./row";

const TEXT_OPERATORS = [":", "!:", "=", "!="] as const;
const CHOICE_OPERATORS = ["=", "!="] as const;

export function filterProperties(metadata: readonly string[]): PropertyFilterProperty[] {
  const text = (key: string, label: string) => ({
    key,
    propertyLabel: label,
    groupValuesLabel: `${label}: values`,
    operators: [...TEXT_OPERATORS],
    defaultOperator: ":" as const,
  });
  const choice = (key: string, label: string) => ({
    key,
    propertyLabel: label,
    groupValuesLabel: `${label}: values`,
    operators: [...CHOICE_OPERATORS],
  });
  return [
    choice("health", "Status"),
    text("agentId", "Agent"),
    choice("reason", "Reason"),
    choice("activity", "Activity"),
    text("task", "Task"),
    text("capabilities", "Capabilities"),
    ...metadata.map((name) => text(metadataField(name), name)),
  ];
}

/** Maximum number of values offered for one property. */
const MAX_OPTIONS = 50;

export function filterOptions(
  rows: readonly Row[],
  properties: readonly PropertyFilterProperty[],
): PropertyFilterOption[] {
  return properties.flatMap(({ key }) => {
    if (key === "health") {
      return HEALTHS.map((health) => ({ propertyKey: key, value: HEALTH_NAMES[health] }));
    }
    if (key === "agentId" || key === "capabilities") return [];
    const values = new Set<string>();
    for (const row of rows) {
      const value = row[key as "reason"];
      if (value) values.add(value);
      if (values.size >= MAX_OPTIONS) break;
    }
    return [...values].sort().map((value) => ({ propertyKey: key, value }));
  });
}

/** The query for agents with one of the given healths. Without arguments it matches all agents. */
export const queryForHealth = (...healths: Health[]) => ({
  operation: "or" as const,
  tokens: healths.map((health) => ({
    propertyKey: "health",
    operator: "=" as const,
    value: HEALTH_NAMES[health],
  })),
});
