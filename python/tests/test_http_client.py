"""Heartbeats without a WebSocket."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from agent_heartbeat import ConfigurationError, ConnectionError, HttpHeartbeatClient, LoginRefusedError, blocking
from agent_heartbeat.testing import FakeService, HttpResponse

URL = "https://abc.lambda-url.eu-west-1.on.aws"


def new_client(service: FakeService, kind: Callable[..., Any] = HttpHeartbeatClient, **options: Any) -> Any:
    key = service.options("nightly")["private_key"]
    return kind(**{"agent_id": "nightly", "organization_id": "acme", "private_key": key, **options})


async def later_than_all(service: FakeService) -> None:
    """Until the clock of another process, which may be a little behind, is past the last token."""
    await service.until(lambda: all(time.time() > each.claims["iat"] + 0.1 for each in service.http_requests))


async def test_a_client_sends_one_request_for_each_call_and_opens_no_websocket(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeService() as service:
        monkeypatch.setenv("AGENT_HEARTBEAT_HTTP_URL", service.http_url)
        client = new_client(service, heartbeat_interval=300)
        ack = await client.send_heartbeat({"state": "working", "task": "report"})
        assert len(service.http_requests) == 1
        presence = service.agents[0]
        assert (presence["status"], presence["instanceId"]) == ("online", client.instance_id)
        assert (presence["leaseMs"], presence["leaseExpiresAt"]) == (900_000, ack["leaseExpiresAt"])
        assert presence["activity"] == {"state": "working", "task": "report"}
        await client.leave("drained")
        assert (service.agents[0]["status"], service.agents[0]["reason"]) == ("offline", "drained")
        assert service.connections == []


async def test_a_client_sends_calls_one_after_the_other() -> None:
    async with FakeService() as service:
        client = new_client(service, http_url=service.http_url)
        await asyncio.gather(client.send_heartbeat(), client.send_heartbeat(), client.leave())
        issued = [request.claims["iat"] for request in service.http_requests]
        assert len(issued) == 3
        assert issued == sorted(set(issued))
        assert service.agents[0]["reason"] == "client_closed"


async def test_a_client_raises_a_refusal_and_can_go_on() -> None:
    async with FakeService() as service:
        client = new_client(service, http_url=service.http_url)
        await client.send_heartbeat()
        await later_than_all(service)
        await new_client(service, http_url=service.http_url).send_heartbeat()
        await later_than_all(service)
        with pytest.raises(LoginRefusedError, match=r"status 409 \(A newer process") as refused:
            await client.send_heartbeat()
        assert refused.value.status == 409
        service.answer_http = lambda _: HttpResponse(200)
        with pytest.raises(LoginRefusedError):
            await client.send_heartbeat()
        service.answer_http = None
        await later_than_all(service)
        await new_client(service, http_url=service.http_url).send_heartbeat()


async def test_a_client_without_an_answer_raises_a_connection_error() -> None:
    async with FakeService() as service:
        client = new_client(service, http_url="http://127.0.0.1:1")
        with pytest.raises(ConnectionError, match=r"nightly: expected an answer, got: .*refused") as failed:
            await client.send_heartbeat()
        assert not isinstance(failed.value, LoginRefusedError)
        with pytest.raises(ConfigurationError, match="reason"):
            await client.leave("bored")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"agent_id": ""}, "option agent_id"),
        ({"http_url": None}, "which HttpHeartbeatClient needs"),
        ({"private_key": None}, "expected private_key"),
        ({"heartbeat_interval": 0}, "option heartbeat_interval"),
        ({"request_timeout": 0}, "option request_timeout"),
        ({"on_duplicate": "both"}, "option on_duplicate"),
    ],
)
def test_an_invalid_option_of_a_client_is_refused(options: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"agent_id": "a", "organization_id": "o", "http_url": URL, "private_key": "k", **options}
    with pytest.raises(ConfigurationError, match=message):
        HttpHeartbeatClient(**given)


async def test_a_blocking_client_works_in_many_threads_and_where_an_event_loop_runs() -> None:
    async with FakeService() as service:
        client = new_client(service, blocking.HttpHeartbeatClient, http_url=service.http_url)

        def work() -> None:
            threads = [threading.Thread(target=client.send_heartbeat) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            client.leave()

        async def on_a_loop() -> None:
            client.send_heartbeat()

        await asyncio.to_thread(work)
        await asyncio.to_thread(lambda: asyncio.run(on_a_loop()))
        assert len(service.http_requests) == 5
        assert service.agents[0]["status"] == "online"
