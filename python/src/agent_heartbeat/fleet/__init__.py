"""A fleet as it is now: subscribes to what changes, lists what is, and watches the leases."""

from .book import FleetChange
from .watcher import FleetState, FleetStateChange, FleetWatcher

__all__ = ["FleetChange", "FleetState", "FleetStateChange", "FleetWatcher"]
