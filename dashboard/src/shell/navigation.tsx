/** The top bar: colour mode, notifications and the signed-in account. */

import TopNavigation, {
  type TopNavigationProps,
} from "@cloudscape-design/components/top-navigation";
import type { Viewer } from "../sign-in/credentials";
import { spanText } from "../text/duration";
import { useNow } from "../time/ticker";
import type { Colours } from "./colours";
import type { Notifications } from "./notifications";
import { HREFS } from "./route";

const COLOUR_MODE_ICON = (
  <svg viewBox="0 0 16 16" aria-hidden="true">
    <circle cx="8" cy="8" r="6" />
    <path d="M8 2a6 6 0 0 1 0 12z" className="filled" />
  </svg>
);

export interface NavigationProps {
  viewer: Viewer;
  colours: Colours;
  notifications: Notifications;
  onSignOut(): void;
}

export function Navigation({ viewer, colours, notifications, onSignOut }: NavigationProps) {
  const now = useNow(10_000);
  const { dark, choose } = colours;
  const colourMode: TopNavigationProps.ButtonUtility = {
    type: "button",
    iconSvg: COLOUR_MODE_ICON,
    text: dark ? "Light" : "Dark",
    title: dark ? "Use light colours" : "Use dark colours",
    ariaLabel: dark ? "Use light colours" : "Use dark colours",
    onClick: () => choose(!dark),
  };
  const notify: TopNavigationProps.ButtonUtility = {
    type: "button",
    iconName: "notification",
    badge: notifications.enabled,
    text: notifications.enabled ? "Notifications on" : "Notifications off",
    title: "Desktop notifications about lost agents",
    ariaLabel: notifications.enabled
      ? "Notifications on: turn them off"
      : "Notifications off: turn them on",
    onClick: () => notifications.setEnabled(!notifications.enabled),
  };
  const account: TopNavigationProps.MenuDropdownUtility = {
    type: "menu-dropdown",
    iconName: "user-profile",
    text: viewer.organizationId,
    ariaLabel: `Signed in to ${viewer.organizationId}`,
    description: `Signed in as ${viewer.agentId} for ${spanText(viewer.expiresAt - now)}`,
    items: [{ id: "sign-out", text: "Sign out" }],
    onItemClick: onSignOut,
  };
  return (
    <TopNavigation
      identity={{ href: HREFS.fleet, title: "Agent Heartbeat" }}
      utilities={[...(notifications.available ? [notify] : []), colourMode, account]}
    />
  );
}
