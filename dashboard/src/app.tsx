/** The page layout: navigation, breadcrumbs and banners around the current view. */

import AppLayout from "@cloudscape-design/components/app-layout";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import SideNavigation from "@cloudscape-design/components/side-navigation";
import { AgentView } from "./agent/agent-view";
import { EventsView } from "./events/events-view";
import { useFleet, useStore } from "./fleet/context";
import { isStale } from "./fleet/fleet-store";
import { FleetView } from "./fleet/fleet-view";
import { Banners } from "./shell/banners";
import type { Colours } from "./shell/colours";
import { Navigation } from "./shell/navigation";
import { useNotifications } from "./shell/notifications";
import { usePreference } from "./shell/preference";
import { HREFS, type Route, routeOf } from "./shell/route";
import { useFragment } from "./shell/use-fragment";
import { useTab } from "./shell/use-tab";
import type { Viewer } from "./sign-in/credentials";
import { TrendsView } from "./trends/trends-view";

const LINKS = [
  { type: "link" as const, text: "Fleet", href: HREFS.fleet },
  { type: "link" as const, text: "Trends", href: HREFS.trends },
  { type: "link" as const, text: "Events", href: HREFS.events },
];

export interface AppProps {
  viewer: Viewer;
  colours: Colours;
  onSignOut(): void;
}

export function App({ viewer, colours, onSignOut }: AppProps) {
  const fleet = useFleet();
  const route = routeOf(useFragment());
  const notifications = useNotifications(useStore(), viewer.organizationId);
  const [navigationOpen, setNavigationOpen] = usePreference("navigation", true);
  const { organizationId } = viewer;
  useTab({ stale: isStale(fleet), counts: fleet.counts, organizationId });
  return (
    <>
      <div id="top">
        <Navigation {...{ viewer, colours, notifications, onSignOut }} />
      </div>
      <AppLayout
        headerSelector="#top"
        toolsHide
        navigationWidth={180}
        maxContentWidth={Number.MAX_VALUE}
        navigationOpen={navigationOpen}
        onNavigationChange={({ detail }) => setNavigationOpen(detail.open)}
        navigation={<SideNavigation activeHref={activeHref(route)} items={LINKS} />}
        breadcrumbs={<Breadcrumbs organizationId={organizationId} route={route} />}
        notifications={<Banners expiresAt={viewer.expiresAt} />}
        stickyNotifications
        content={<View route={route} />}
      />
    </>
  );
}

function View({ route }: { route: Route }) {
  if (route.view === "agent") return <AgentView key={route.agentId} agentId={route.agentId} />;
  if (route.view === "trends") return <TrendsView />;
  if (route.view === "events") return <EventsView />;
  return <FleetView filter={route.filter} />;
}

function Breadcrumbs({ organizationId, route }: { organizationId: string; route: Route }) {
  const organization = { text: organizationId, href: HREFS.fleet };
  const href = activeHref(route);
  const place = { text: LINKS.find((link) => link.href === href)?.text ?? "", href };
  const agent = route.view === "agent" ? [{ text: route.agentId, href: "" }] : [];
  return <BreadcrumbGroup items={[organization, place, ...agent]} />;
}

const activeHref = ({ view }: Route): string => (view === "agent" ? HREFS.fleet : HREFS[view]);
