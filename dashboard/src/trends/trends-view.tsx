/** Charts of online agents over a day, and of transitions since the page was opened. */

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
import { downsample, STEP_MS, type TrendPoint } from "../fleet/trend-log";
import { usePreference } from "../shell/preference";
import { useNow } from "../time/ticker";
import { type Counted, onlineIn } from "./online-counts";
import { useDay } from "./use-day";

/** Spans of the charts. The id is the number of log steps per point; there are sixty points. */
const SPANS = [
  { id: "1", text: "5 min" },
  { id: "12", text: "1 h" },
  { id: "72", text: "6 h" },
  { id: "288", text: "24 h" },
];
const POINTS = 60;
const EVENTS: readonly TransitionEvent[] = [
  "offline",
  "online",
  "stalled",
  "recovered",
  "draining",
];
const HEIGHT = 240;

export function TrendsView() {
  const [span, setSpan] = usePreference("trend", "288");
  const store = useStore();
  const now = useNow(STEP_MS);
  const stored = useDay();
  const width = STEP_MS * Number(span);
  const end = now - (now % width);
  const begin = end - width * (POINTS - 1);
  const points = downsample(store.trend, Number(span), POINTS);
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
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
      <Online counts={onlineIn(stored, points, begin)} domain={[begin, Math.max(now, end)]} />
      <Transitions points={points} begin={begin} width={width} />
    </SpaceBetween>
  );
}

function Online({ counts, domain }: { counts: Counted[]; domain: [number, number] }) {
  const most = Math.max(4, ...counts.map(({ online }) => online));
  return (
    <Container
      header={
        <Header description="Counted by the service every few minutes, and by this page since it was opened">
          Agents online
        </Header>
      }
    >
      <LineChart
        {...TIME_AXIS}
        xScaleType="time"
        series={[
          {
            title: "Online",
            type: "line",
            data: counts.map(({ at, online }) => ({ x: new Date(at), y: online })),
          },
        ]}
        xDomain={[new Date(domain[0]), new Date(domain[1])]}
        yDomain={[0, Math.ceil(most * 1.1)]}
        height={HEIGHT}
        hideFilter
        hideLegend
        ariaLabel="Agents online over time"
        empty={<Box color="inherit">The first count appears within seconds</Box>}
      />
    </Container>
  );
}

interface TransitionsProps {
  points: readonly TrendPoint[];
  begin: number;
  width: number;
}

function Transitions({ points, begin, width }: TransitionsProps) {
  const busiest = Math.max(4, ...points.map(({ events }) => sum(Object.values(events))));
  const times = Array.from({ length: POINTS }, (_, index) => begin + width * index);
  const byTime = new Map(points.map((point) => [point.at, point]));
  return (
    <Container header={<Header description="Since this page was opened">Transitions</Header>}>
      <BarChart
        {...TIME_AXIS}
        xScaleType="categorical"
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
  );
}

const COLOURS: Record<TransitionEvent, string> = {
  offline: "#d63f38",
  online: "#2ea597",
  stalled: "#f89256",
  recovered: "#688ae8",
  draining: "#8c8c94",
};

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

const timeOf = (date: Date) => date.toTimeString().slice(0, date.getSeconds() ? 8 : 5);

const TIME_AXIS = { xTickFormatter: timeOf, xTitle: "Time" };
