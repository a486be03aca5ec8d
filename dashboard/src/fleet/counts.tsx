/** Number of agents by health. Each number links to those agents. */

import Box from "@cloudscape-design/components/box";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import StatusIndicator, {
  type StatusIndicatorProps,
} from "@cloudscape-design/components/status-indicator";
import { HREFS } from "../shell/route";
import { timeText } from "../text/duration";
import { useFleet, useStore } from "./context";
import { isStale } from "./fleet-store";
import { HEALTH_NAMES, type Health } from "./health";

const ORDER: readonly [Health, StatusIndicatorProps.Type][] = [
  ["online", "success"],
  ["offline", "error"],
  ["stalled", "warning"],
  ["draining", "in-progress"],
];

export function Counts() {
  const fleet = useFleet();
  const { now } = useStore();
  const stale = isStale(fleet);
  const { counts, lastUpdateAt } = fleet;
  const as = stale && lastUpdateAt !== null ? `As of ${timeText(lastUpdateAt, now())}` : undefined;
  return (
    <Container header={<Header description={as}>Agents by status</Header>}>
      <ColumnLayout columns={4} variant="text-grid" minColumnWidth={120}>
        {ORDER.map(([health, type]) => (
          <div key={health} data-count={health}>
            <Box variant="awsui-key-label">
              <StatusIndicator type={appearance(type, counts[health], stale)}>
                {HEALTH_NAMES[health]}
              </StatusIndicator>
            </Box>
            <Link
              variant="awsui-value-large"
              href={HREFS.fleetOf(health)}
              ariaLabel={`${counts[health]} ${HEALTH_NAMES[health].toLowerCase()}: show them`}
            >
              {fleet.loaded ? counts[health].toLocaleString("en") : "–"}
            </Link>
          </div>
        ))}
      </ColumnLayout>
    </Container>
  );
}

/** Colours only counts above zero, and none while the data is stale. */
function appearance(type: StatusIndicatorProps.Type, count: number, stale: boolean) {
  if (stale) return "pending";
  return count === 0 ? "stopped" : type;
}
