"""A fleet as it is now: subscribes to what changes, lists what is, and watches the leases."""

from .agent_fleet import AgentFleet
from .book import FleetChange
from .events import FleetState, FleetStateChange
from .fleet_watcher import FleetWatcher

__all__ = ["AgentFleet", "FleetChange", "FleetState", "FleetStateChange", "FleetWatcher"]
