/** The main view: counts by health and the table of agents. */

import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { Counts } from "./counts";
import { FleetTable } from "./fleet-table";
import type { Health } from "./health";

export function FleetView({ filter }: { filter: readonly Health[] }) {
  return (
    <SpaceBetween size="l">
      <Header variant="h1">Fleet</Header>
      <Counts />
      <FleetTable filter={filter} />
    </SpaceBetween>
  );
}
