/** Charts of online agents and transitions since the page was opened. */

import type { TransitionEvent } from "@agent-heartbeat/sdk/protocol";
import BarChart from "@cloudscape-design/components/bar-chart";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import LineChart from "@cloudscape-design/components/line-chart";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { EVENT_NAMES } from "../agent/timeline";
import { useStore } from "../fleet/context";
import { downsample, STEP_MS } from "../fleet/trend-log";
import { usePreference } from "../shell/preference";
import { useNow } from "../time/ticker";

/** Spans of the chart. The id is the number of log steps per point; there are sixty points. */
const SPANS = [
  { id: "1", text: "5 min" },
  { id: "12", text: "1 h" },
  { id: "72", text: "6 h" },
];
const POINTS = 60;
const EVENTS: readonly TransitionEvent[] = ["offline", "online", "stalled", "recovered"];
const HEIGHT = 240;

export function TrendsView() {
  const [span, setSpan] = usePreference("trend", "1");
  const store = useStore();
  const now = useNow(STEP_MS);
  const width = STEP_MS * Number(span);
  const points = downsample(store.trend, Number(span), POINTS);
  const end = now - (now % width);
  const xDomain: [Date, Date] = [new Date(end - width * (POINTS - 1)), new Date(end)];
  const known = points.filter(({ online }) => online !== null);
  const online = known.map((point) => ({ x: new Date(point.at), y: point.online as number }));
  const most = Math.max(4, ...online.map(({ y }) => y));
  const busiest = Math.max(4, ...points.map(({ events }) => sum(Object.values(events))));
  const times = Array.from({ length: POINTS }, (_, index) => end - width * (POINTS - 1 - index));
  const byTime = new Map(points.map((point) => [point.at, point]));
  const x = { xScaleType: "time" as const, xTickFormatter: timeOf, xTitle: "Time" };
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        description="Since the page was opened"
        actions={
          <SegmentedControl
            label="Time span"
            selectedId={span}
            options={SPANS}
            onChange={({ detail }) => setSpan(detail.selectedId)}
          />
        }
      >
        Trends
      </Header>
      <Container header={<Header>Agents online</Header>}>
        <LineChart
          {...x}
          series={[{ title: "Online", type: "line", data: online }]}
          xDomain={xDomain}
          yDomain={[0, Math.ceil(most * 1.1)]}
          height={HEIGHT}
          hideFilter
          hideLegend
          ariaLabel="Agents online over time"
          empty={<Box color="inherit">The first count appears within seconds</Box>}
        />
      </Container>
      <Container header={<Header>Transitions</Header>}>
        <BarChart
          xScaleType="categorical"
          xTickFormatter={timeOf}
          xTitle="Time"
          series={EVENTS.map((event) => ({
            title: EVENT_NAMES[event],
            type: "bar",
            data: times.map((at) => ({ x: new Date(at), y: byTime.get(at)?.events[event] ?? 0 })),
            color: COLOURS[event],
          }))}
          xDomain={times.map((at) => new Date(at))}
          yDomain={[0, busiest]}
          stackedBars
          height={HEIGHT}
          hideFilter
          ariaLabel="Transitions over time"
        />
      </Container>
    </SpaceBetween>
  );
}

const COLOURS: Record<TransitionEvent, string> = {
  offline: "#d63f38",
  online: "#2ea597",
  stalled: "#f89256",
  recovered: "#688ae8",
};

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

const timeOf = (date: Date) => date.toTimeString().slice(0, date.getSeconds() ? 8 : 5);
