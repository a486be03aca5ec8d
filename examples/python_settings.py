"""Connection settings of the examples in Python, read from environment variables that `npm run example` sets."""

from __future__ import annotations

import os
from typing import Any


def settings_from_environment() -> dict[str, Any]:
    """Raises SystemExit with the name of a variable that is missing."""

    def required(name: str) -> str:
        value = os.environ.get(name)
        if not value:
            raise SystemExit(f"set {name}, or start the example with npm run example")
        return value

    return {
        "agent_id": required("AGENT_HEARTBEAT_AGENT"),
        "organization_id": required("AGENT_HEARTBEAT_ORGANIZATION"),
        "url": required("AGENT_HEARTBEAT_URL"),
        "private_key_path": required("AGENT_HEARTBEAT_KEY"),
    }
