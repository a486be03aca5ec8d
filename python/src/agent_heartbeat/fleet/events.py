"""What happens to a watched fleet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..connection.state import Failure

FleetEventName = Literal["change", "state", "mass_expiry"]
FleetState = Literal["idle", "connecting", "live", "stale", "stopped"]
"""How current the mapping is.

- `idle`: not started.
- `connecting`: the first full list is not there yet.
- `live`: every change is shown as soon as it is published.
- `stale`: not connected, or no list succeeds: what is shown may be old.
- `stopped`: ended.
"""


@dataclass(frozen=True)
class FleetStateChange:
    """The state changed, or a further attempt to connect failed in it."""

    state: FleetState
    failure: Failure | None = None
