"""The agents of an application's options: those are checked here, and what each of them needs is put together."""

from __future__ import annotations

import logging
import signal as signals_module
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .agent import Agent, AgentOptions
from .connection.asyncio_runtime import AsyncioRuntime
from .connection.backoff import ReconnectSchedule
from .connection.enrolment import key_loader
from .connection.keys import KeySource
from .connection.manager import ConnectionManager
from .connection.manager_port import AgentManagerPort, Emit
from .errors import ConfigurationError
from .events import Reporter
from .messaging.profile import profile_of
from .messaging.tracing import Tracing
from .options import (
    DuplicatePolicy,
    HeartbeatTransport,
    ReconnectOptions,
    check_logger,
    checked_proxy,
    flag,
    manager_options,
    whole,
    within,
)
from .process.parent import ProcessConnectionManager, can_run


class _ConfiguredAgent(Agent):
    _simple = False

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
        heartbeat_interval: float = 30,
        heartbeat_timeout_multiplier: float = 3.0,
        ack_every: int = 1,
        auto_reconnect: bool = True,
        on_duplicate: DuplicatePolicy = "replace",
        capabilities: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        message_concurrency: int = 16,
        message_queue: int = 1000,
        remote_drain: bool = False,
        reconnect: ReconnectOptions | None = None,
        rotate_after: tuple[float, float] = (5400, 6600),
        connect_timeout: float = 15,
        close_timeout: float = 2,
        drain_timeout: float = 30,
        request_timeout: float = 10,
        signals: Sequence[int] = (signals_module.SIGTERM, signals_module.SIGINT),
        heartbeat_process: bool | None = None,
        heartbeat_transport: HeartbeatTransport = "websocket",
        tracing: Tracing | None = None,
        proxy: str | bool | None = True,
        logger: logging.Logger | logging.LoggerAdapter[Any] | None = logging.getLogger(  # noqa: B008
            "agent_heartbeat"
        ),
    ) -> None:
        """Raises ConfigurationError if an option is missing, of the wrong type or out of its limits.

        Args:
            agent_id: 1 to 128 of `A-Z a-z 0-9 _ - . @ : / + = %`, of which the first is a letter, a digit, `_` or `-`.
            organization_id: the same.
            url: the WebSocket URL of the deployment: `wss://host/stage`.
            private_key: PEM, DER or JWK (also base64 of it), a key of `cryptography`, or a function,
                which may be a coroutine function, that gives PEM and is asked for each login. RSA, P-256 or Ed25519.
            private_key_path: a file with a private key in PEM, read for each login. This or `private_key`. With
                `enrolment_token` it is where the key is kept: if there is none, it is made.
            enrolment_token: registers the agent by itself, with a token of `agent-heartbeat enrolments create`. It
                makes a key of its own, which it keeps in the file `private_key_path`, or in memory. In place of
                `private_key`; needs `http_url`. Default: the environment variable
                `AGENT_HEARTBEAT_ENROLMENT_TOKEN`, without a `private_key`.
            http_url: the HTTP URL of the deployment, its output `HttpUrl`. Default: the environment variable
                `AGENT_HEARTBEAT_HTTP_URL`.
            heartbeat_interval: seconds, 1 to 540. The server may bring it to its own bounds.
            heartbeat_timeout_multiplier: how many intervals without a heartbeat count as death: 1.5 to 20.
            ack_every: asks for an ack with every n-th heartbeat only: 1 to 10. Silence is noticed later.
            auto_reconnect: without it `run()` raises when the first connection has failed or ended.
            on_duplicate: what happens to a process that connects while another one holds the agent id: it
                takes over (`replace`), or it is refused until the other's lease ends (`reject`).
            capabilities: what the agent can do, in words of its own: at most 50, of 1 to 64 characters.
            metadata: anything else worth knowing about the agent: plain JSON, at most 4 KB with the above.
            message_concurrency: how many handlers run at once: 1 to 10000.
            message_queue: how many messages wait for one; further ones are dropped: 1 to 1000000.
            remote_drain: whether the agent drains when the event bus sends it the subject `agent.drain`.
            reconnect: when to try again.
            rotate_after: the age at which a connection is replaced, drawn between the two: 10 to 7000 seconds.
            connect_timeout: how long a handshake may take: 1 to 60 seconds.
            close_timeout: how long the server may take to answer a close: 0.1 to 30 seconds.
            drain_timeout: how long a drain waits for running handlers: 0 to 86400 seconds.
            request_timeout: how long a request waits for its reply: 0.1 to 600 seconds.
            signals: on which `run()` drains; on a second one it stops at once. Empty for none.
            heartbeat_process: keeps the connection and its heartbeats in a process of their own, so that code
                which blocks the event loop, or holds the interpreter's lock, does not read as death. Handlers
                stay here. Default: on, where the program can start one; off for `SimpleAgent`.
            heartbeat_transport: how heartbeats are sent. With `http` they go to `http_url`, which costs less. The
                WebSocket stays open for messages and for its end to be noticed at once, and carries the heartbeats
                while HTTP fails.
            tracing: takes messages into traces: `OpenTelemetryTracing()` of `agent_heartbeat.opentelemetry`. Default:
                messages belong to no trace.
            proxy: the URL of an HTTP or SOCKS proxy; True for what the environment says (`HTTPS_PROXY`,
                `NO_PROXY`); None for none.
            logger: where warnings go; None for nowhere.
        """
        reconnect = ReconnectOptions() if reconnect is None else reconnect
        options = manager_options(
            agent_id=agent_id,
            organization_id=organization_id,
            url=url,
            simple=self._simple,
            heartbeat_interval=heartbeat_interval,
            heartbeat_timeout_multiplier=heartbeat_timeout_multiplier,
            ack_every=ack_every,
            auto_reconnect=auto_reconnect,
            on_duplicate=on_duplicate,
            reconnect=reconnect,
            rotate_after=rotate_after,
            connect_timeout=connect_timeout,
            close_timeout=close_timeout,
            heartbeat_transport=heartbeat_transport,
            http_url=http_url,
        )
        in_process = self._own_process(heartbeat_process, reconnect.schedule)
        self._proxy = checked_proxy(proxy)
        if tracing is not None and not all(callable(getattr(tracing, each, None)) for each in ("send", "process")):
            raise ConfigurationError(f"option tracing: expected the methods send and process, got {tracing!r}")
        drain_timeout = within("drain_timeout", drain_timeout, 0, 86_400)
        request_timeout = within("request_timeout", request_timeout, 0.1, 600)
        signals = tuple(signals)
        remote_drain = flag("remote_drain", remote_drain)
        reporter = Reporter(agent_id, check_logger(logger))
        keys = key_loader(
            private_key=private_key,
            path=private_key_path,
            token=enrolment_token,
            http_url=http_url,
            agent_id=agent_id,
            organization_id=organization_id,
            proxy=self._proxy,
            warn=lambda message: reporter.log.warning("%s", message),
        )

        def create_manager(emit: Emit) -> AgentManagerPort:
            if in_process:
                return ProcessConnectionManager(options, keys, self._proxy, emit)
            return ConnectionManager(options, self._runtime(), keys.hand_to, emit, reconnect.schedule)

        super().__init__(
            AgentOptions(
                manager=options,
                create_manager=create_manager,
                keys=keys,
                reporter=reporter,
                profile=profile_of(capabilities, metadata),
                tracing=tracing,
                message_concurrency=whole("message_concurrency", message_concurrency, 1, 10_000),
                message_queue=whole("message_queue", message_queue, 1, 1_000_000),
                remote_drain=remote_drain,
                drain_timeout=drain_timeout,
                request_timeout=request_timeout,
                signals=signals,
            )
        )

    def _own_process(self, wanted: bool | None, schedule: ReconnectSchedule | None) -> bool:
        if wanted and schedule:
            raise ConfigurationError("expected either heartbeat_process or reconnect.schedule, got both")
        if wanted is None:
            return not self._simple and schedule is None and can_run()
        if flag("heartbeat_process", wanted) and not can_run():
            raise ConfigurationError(
                "option heartbeat_process: expected a program that can start a Python interpreter, got one without"
            )
        return wanted

    def _runtime(self) -> AsyncioRuntime:
        return AsyncioRuntime(proxy=self._proxy)


class HeartbeatAgent(_ConfiguredAgent):
    """An agent that stays connected and shows by its heartbeats that it lives."""


class SimpleAgent(_ConfiguredAgent):
    """The same without heartbeats and without reconnecting, for development.

    It reads as offline when its first lease has run out.
    """

    _simple = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._reporter.log.warning(
            "SimpleAgent sends no heartbeats and does not reconnect: use HeartbeatAgent in production"
        )
