"""A watcher of a fleet with a connection of its own, for a registered viewer."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ..connection.asyncio_runtime import AsyncioRuntime
from ..connection.enrolment import key_loader
from ..connection.keys import KeySource
from ..connection.manager import ConnectionManager
from ..connection.manager_port import Emit, ManagerPort
from ..events import Log
from ..options import ReconnectOptions, check_logger, checked_proxy, flag, manager_options, within
from .watcher import Watcher


class FleetWatcher(Watcher):
    """An organization's agents in a mapping that is kept current. Times of agents are epoch milliseconds by the
    server's clock."""

    def __init__(
        self,
        agent_id: str,
        organization_id: str,
        url: str,
        *,
        private_key: KeySource | None = None,
        private_key_path: str | Path | None = None,
        enrolment_token: str | None = None,
        http_url: str | None = None,
        profiles: bool = False,
        reconnect: ReconnectOptions | None = None,
        rotate_after: tuple[float, float] = (5400, 6600),
        connect_timeout: float = 15,
        close_timeout: float = 2,
        request_timeout: float = 10,
        proxy: str | bool | None = True,
        logger: logging.Logger | logging.LoggerAdapter[Any] | None = logging.getLogger(  # noqa: B008
            "agent_heartbeat"
        ),
    ) -> None:
        """Options as of `HeartbeatAgent`; `profiles`: whether each agent comes with its capabilities and metadata.

        Raises ConfigurationError if an option is missing, of the wrong type or out of its limits.
        """
        reconnect = ReconnectOptions() if reconnect is None else reconnect
        options = manager_options(
            agent_id=agent_id,
            organization_id=organization_id,
            url=url,
            reconnect=reconnect,
            rotate_after=rotate_after,
            connect_timeout=connect_timeout,
            close_timeout=close_timeout,
        )
        options.login["watches"] = True
        checked = checked_proxy(proxy)

        def create_manager(emit: Emit) -> ManagerPort:
            runtime = AsyncioRuntime(proxy=checked)
            return ConnectionManager(options, runtime, self._keys.hand_to, emit, reconnect.schedule)

        super().__init__(
            agent_id,
            organization_id,
            Log(agent_id, check_logger(logger)),
            profiles=flag("profiles", profiles),
            request_timeout=within("request_timeout", request_timeout, 0.1, 600),
            create_manager=create_manager,
        )
        self._keys = key_loader(
            private_key=private_key,
            path=private_key_path,
            token=enrolment_token,
            http_url=http_url,
            agent_id=agent_id,
            organization_id=organization_id,
            proxy=checked,
            warn=lambda message: self._log.warning("%s", message),
        )

    async def _prepare(self) -> None:
        await self._keys.check()
