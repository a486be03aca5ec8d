/** The view of one agent: its status, activity, profile, connection and recent transitions. */

import type { AgentPresence } from "@agent-heartbeat/sdk/protocol";
import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Grid from "@cloudscape-design/components/grid";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs, {
  type KeyValuePairsProps,
} from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useEffect } from "react";
import { activityText, secondsText } from "../fleet/agent-text";
import { useFleet, useStore } from "../fleet/context";
import { isStale } from "../fleet/fleet-store";
import { HealthIndicator } from "../fleet/health-indicator";
import { countdownText, spanText, timeText } from "../text/duration";
import { Ticking } from "../time/ticker";
import { Timeline } from "./timeline";

export function AgentView({ agentId }: { agentId: string }) {
  const fleet = useFleet();
  const { requestHistories } = useStore();
  const stale = isStale(fleet);
  const agent = fleet.agents.find((candidate) => candidate.agentId === agentId);
  useEffect(() => {
    if (!stale) requestHistories([agentId]);
  }, [stale, agentId, requestHistories]);
  return (
    <SpaceBetween size="l">
      <Header variant="h1">{agentId}</Header>
      <Grid
        gridDefinition={[{ colspan: { default: 12, m: 8 } }, { colspan: { default: 12, m: 4 } }]}
      >
        {agent ? <Details agent={agent} stale={stale} /> : <Unknown agentId={agentId} />}
        <Container
          header={
            <Header description="The last fifty transitions before the page was opened, and all since then">
              Timeline
            </Header>
          }
        >
          <Timeline history={fleet.histories.get(agentId)} />
        </Container>
      </Grid>
    </SpaceBetween>
  );
}

function Unknown({ agentId }: { agentId: string }) {
  if (!useFleet().loaded) return <Spinner />;
  return (
    <Alert type="warning">No agent {agentId} has connected within the retention period.</Alert>
  );
}

function Details({ agent, stale }: { agent: AgentPresence; stale: boolean }) {
  return (
    <SpaceBetween size="l">
      <Container header={<Header>Presence</Header>}>
        <KeyValuePairs columns={3} items={presenceOf(agent, stale)} />
      </Container>
      <Container header={<Header>Activity</Header>}>
        <KeyValuePairs columns={3} items={activityOf(agent)} />
      </Container>
      <Container
        header={<Header description="Reported by the agent when it last connected">Profile</Header>}
      >
        <ProfileOf agent={agent} />
      </Container>
      <Container header={<Header>Identity and connection</Header>}>
        <KeyValuePairs columns={3} items={identityOf(agent)} />
      </Container>
    </SpaceBetween>
  );
}

type Pairs = KeyValuePairsProps.Item[];

function presenceOf(agent: AgentPresence, stale: boolean): Pairs {
  const online = agent.status === "online";
  return [
    { label: "Status", value: <HealthIndicator agent={agent} stale={stale} /> },
    { label: "Since", value: <Moment at={agent.since} /> },
    {
      label: "Last heartbeat",
      value: <Ticking text={(now) => `${spanText(now - agent.lastHeartbeatAt)} ago`} />,
    },
    {
      label: online ? "Lease ends in" : "Lease ended",
      value: online ? (
        <Ticking text={(now) => countdownText(agent.leaseExpiresAt - now)} />
      ) : (
        <LeaseEnd agent={agent} />
      ),
    },
    { label: "Heartbeat interval", value: secondsText(agent.heartbeatIntervalMs) },
    { label: "Lease duration", value: secondsText(agent.leaseMs) },
  ];
}

function activityOf(agent: AgentPresence): Pairs {
  const { activity } = agent;
  if (!activity) return [{ label: "Working on", value: "Not reported" }];
  const { progressAt, note, maxSilenceMs, inFlight, eventLoopLagMs } = activity;
  const text = (value: unknown, unit = "") => (value === undefined ? "–" : `${value}${unit}`);
  return [
    { label: "Working on", value: <Ticking text={(now) => activityText(agent, now)} /> },
    { label: "Last progress", value: progressAt ? <Moment at={progressAt} /> : "–" },
    { label: "Note", value: note ?? "–" },
    {
      label: "Stalled",
      value: agent.stalledSince ? <Moment at={agent.stalledSince} /> : "No",
    },
    {
      label: "Maximum silence",
      value: maxSilenceMs === undefined ? "–" : secondsText(maxSilenceMs),
    },
    { label: "Messages in flight", value: text(inFlight) },
    { label: "Event loop lag", value: text(eventLoopLagMs, " ms") },
  ];
}

function identityOf(agent: AgentPresence): Pairs {
  return [
    { label: "Agent", value: agent.agentId },
    { label: "Instance", value: agent.instanceId },
    { label: "Connection", value: agent.connectionId },
    { label: "Connected", value: <Moment at={agent.connectedAt} /> },
  ];
}

function ProfileOf({ agent: { profile } }: { agent: AgentPresence }) {
  if (!profile) return <Box color="text-body-secondary">The agent has not reported a profile.</Box>;
  const metadata = Object.entries(profile.metadata).map(([label, value]) => ({
    label,
    value: typeof value === "string" ? value : JSON.stringify(value),
  }));
  const capabilities = {
    label: "Capabilities",
    value: profile.capabilities.length ? (
      <SpaceBetween direction="horizontal" size="xs">
        {[...new Set(profile.capabilities)].map((capability) => (
          <Badge key={capability}>{capability}</Badge>
        ))}
      </SpaceBetween>
    ) : (
      "–"
    ),
  };
  return <KeyValuePairs columns={3} items={[capabilities, ...metadata]} />;
}

/** A lease ends early if its agent leaves before. */
function LeaseEnd({ agent: { leaseExpiresAt, since } }: { agent: AgentPresence }) {
  return <Moment at={Math.min(leaseExpiresAt, since)} />;
}

/** A time of day, followed by how long ago it was. */
function Moment({ at }: { at: number }) {
  return <Ticking text={(now) => `${timeText(at, now)} (${spanText(now - at)} ago)`} />;
}
