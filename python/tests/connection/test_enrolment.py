"""Agents that register themselves: the key, where it is kept, and what is asked of the service."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent_heartbeat import (
    AttemptFailed,
    ConfigurationError,
    EnrolmentRefusedError,
    FleetWatcher,
    HeartbeatAgent,
    HttpHeartbeatClient,
    KeyError,
    LoginRefusedError,
)
from agent_heartbeat.connection.enrolment import TOKEN_VARIABLE
from agent_heartbeat.connection.keys import SigningKey

from .enrolment_service import SECRET, TOKEN, EnrolmentService, World


async def test_a_key_is_made_registered_once_and_kept_in_memory(service: EnrolmentService) -> None:
    keys = World(service).keys
    first, second = await keys.load(), await keys.load()
    assert first.key_id == second.key_id
    public = first.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert service.requests == [
        {"path": "/enrol", "token": f"Bearer {TOKEN}", "agentId": "worker-1", "publicKey": public.decode()}
    ]


async def test_a_key_is_kept_in_its_file_and_used_after_a_restart(service: EnrolmentService, tmp_path: Path) -> None:
    path = tmp_path / "worker.pem"
    first = await World(service, path).keys.load()
    assert path.stat().st_mode & 0o777 == 0o600
    assert (await World(service, path).keys.load()).key_id == first.key_id
    assert os.listdir(tmp_path) == ["worker.pem"]


async def test_processes_that_begin_at_the_same_moment_make_one_key(service: EnrolmentService, tmp_path: Path) -> None:
    worlds = [World(service, tmp_path / "worker.pem") for _ in range(8)]
    keys = await asyncio.gather(*(world.keys.load() for world in worlds))
    assert len({key.key_id for key in keys}) == 1


async def test_an_existing_key_is_registered(service: EnrolmentService, tmp_path: Path) -> None:
    path = tmp_path / "own.pem"
    own = SigningKey.of(ec.generate_private_key(ec.SECP256R1()))
    path.write_text(own.pem())
    assert (await World(service, path).keys.load()).key_id == own.key_id
    assert len(service.requests) == 1


async def test_a_file_that_is_no_key_is_never_overwritten(service: EnrolmentService, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a key")
    assert str(path) in await World(service, path).refusal()
    assert path.read_text() == "not a key"
    assert service.requests == []


async def test_a_key_that_cannot_be_kept_is_an_error_at_once(service: EnrolmentService, tmp_path: Path) -> None:
    keys = World(service, tmp_path / "missing" / "worker.pem").keys
    with pytest.raises(KeyError, match="could not be made"):
        await keys.check()
    assert service.requests == []


async def test_a_refusal_gives_the_reason_without_the_token(service: EnrolmentService) -> None:
    service.refuse(403, "The enrolment is used up", "enrolment_used_up")
    text = await World(service).refusal()
    assert text == (
        f"enrolment at {service.url} was refused with status 403: The enrolment is used up; "
        "`agent-heartbeat enrolments create` makes another"
    )
    assert SECRET not in text


@pytest.mark.parametrize(
    ("status", "given", "kind", "reason", "words"),
    [
        (401, "", "refused", "unauthorized", "is it whole, and of this deployment?"),
        (403, "enrolment_revoked", "refused", "enrolment_revoked", "`agent-heartbeat enrolments create`"),
        (403, "enrolment_expired", "refused", "enrolment_expired", "`agent-heartbeat enrolments create`"),
        (403, "enrolment_used_up", "refused", "enrolment_used_up", "`agent-heartbeat enrolments create`"),
        (403, "name_not_allowed", "refused", "name_not_allowed", "which names it allows"),
        (403, "agent_disabled", "refused", "agent_disabled", "`agent-heartbeat agents enable`"),
        (409, "name_in_use", "refused", "name_in_use", "a name of its own"),
        (404, "", "refused", "refused", "is http_url the deployment's output HttpUrl?"),
        (400, "<script>", "refused", "refused", "status 400"),
        (429, "", "throttled", "throttled", "status 429"),
        (503, "contended", "unavailable", "contended", "status 503"),
        (503, "unverified", "unavailable", "unverified", "status 503"),
        (502, "", "unavailable", "unavailable", "status 502"),
    ],
)
async def test_the_reason_of_a_refusal_is_in_the_event_the_error_and_the_health(
    service: EnrolmentService, status: int, given: str, kind: str, reason: str, words: str
) -> None:
    service.refuse(status, "no", given, Retry_After="7")
    agent = HeartbeatAgent(
        "worker-1",
        "acme",
        "ws://127.0.0.1:9",
        http_url=service.url.removesuffix("/enrol"),
        enrolment_token=TOKEN,
        heartbeat_process=given in ("name_in_use", "contended"),
        signals=(),
    )
    failed: asyncio.Future[AttemptFailed] = asyncio.get_running_loop().create_future()
    agent.on("attempt_failed", lambda event: failed.done() or failed.set_result(event))
    starting = asyncio.ensure_future(agent.start())
    attempt = await asyncio.wait_for(failed, 30)
    assert (attempt.failure.kind, attempt.failure.status, attempt.failure.enrolment) == (kind, status, reason)
    assert words in attempt.failure.message
    assert isinstance(attempt.error, EnrolmentRefusedError)
    assert (attempt.error.status, attempt.error.reason) == (status, reason)
    last = agent.get_connection_health()["last_disconnect"]
    assert last is not None
    assert last["reason"] == attempt.failure.message
    # Not before the service is asked again.
    assert attempt.retry_in is not None
    assert attempt.retry_in >= (15 if kind == "refused" else 7)
    await agent.stop()
    await asyncio.gather(starting, return_exceptions=True)
    assert len(service.requests) == 1


async def test_a_refused_agent_asks_at_growing_intervals(service: EnrolmentService) -> None:
    service.refuse(409, "The name is in use")
    world = World(service)
    times = []
    for second in range(0, 1000, 5):
        world.now = second
        before = len(service.requests)
        await world.refusal()
        if len(service.requests) > before:
            times.append(second)
    assert times == [0, 15, 45, 105, 225, 465, 765]


@pytest.mark.parametrize(("status", "after"), [(503, "2"), (429, "5"), (500, "")])
async def test_a_temporary_refusal_is_retried_as_soon_as_allowed(
    service: EnrolmentService, status: int, after: str
) -> None:
    service.refuse(status, Retry_After=after)
    world = World(service)
    await world.refusal()
    service.accept()
    if after:
        world.now = float(after) - 0.1
        await world.refusal()
    world.now = float(after or 0)
    await world.keys.load()
    assert len(service.requests) == 2


async def test_a_redirect_does_not_get_the_token(service: EnrolmentService) -> None:
    service.refuse(307, Location="http://127.0.0.1:1/elsewhere")
    assert "status 307" in await World(service).refusal()


async def test_an_unreachable_service_is_named_in_the_error(service: EnrolmentService) -> None:
    world = World(service)
    service.stop()
    assert f"enrolment at {service.url}: " in await world.refusal()


async def test_a_key_of_an_earlier_run_logs_in_though_it_cannot_be_registered(
    service: EnrolmentService, tmp_path: Path
) -> None:
    first = await World(service, tmp_path / "worker.pem").keys.load()
    service.refuse(403, "The enrolment has expired")
    world = World(service, tmp_path / "worker.pem")
    assert (await world.keys.load()).key_id == first.key_id
    assert len(world.warnings) == 1
    assert "The enrolment has expired" in world.warnings[0]


async def test_a_key_that_was_registered_logs_in_whatever_has_become_of_the_enrolment(
    service: EnrolmentService,
) -> None:
    world = World(service)
    first = await world.keys.load()
    await world.keys.load()
    assert world.keys.refused()
    service.refuse(403, "The enrolment has expired")
    assert (await world.keys.load()).key_id == first.key_id
    assert len(world.warnings) == 1
    assert "The enrolment has expired" in world.warnings[0]


async def test_a_refused_heartbeat_gives_the_reason_why_its_key_could_not_be_registered_again(
    service: EnrolmentService,
) -> None:
    def client() -> HttpHeartbeatClient:
        return HttpHeartbeatClient("worker-1", "acme", service.url.removesuffix("/enrol"), enrolment_token=TOKEN)

    service.refuse(403, "Not yet")
    with pytest.raises(EnrolmentRefusedError, match="Not yet"):
        await client().send_heartbeat()
    registered = client()
    service.accept()
    with pytest.raises(LoginRefusedError, match=r"refused with status 201$"):
        await registered.send_heartbeat()
    service.refuse(403, "The name is in use")
    with pytest.raises(LoginRefusedError, match=r"; enrolment at \S+ was refused with status 403: The name is in use"):
        await registered.send_heartbeat()


async def test_a_new_key_does_not_log_in_before_it_is_registered(service: EnrolmentService, tmp_path: Path) -> None:
    service.refuse(403)
    world = World(service, tmp_path / "worker.pem")
    await world.refusal()
    world.now += 20
    await world.refusal()


async def test_a_refused_login_registers_the_key_again_once(service: EnrolmentService) -> None:
    keys = World(service).keys
    first = await keys.load()
    assert not keys.refused()
    await keys.load()
    assert len(service.requests) == 1
    assert keys.refused()
    assert (await keys.load()).key_id == first.key_id
    assert len(service.requests) == 2
    assert not keys.refused()


GOOD = {"agent_id": "worker-1", "organization_id": "acme", "url": "wss://x.test/prod", "http_url": "https://y.test"}


@pytest.mark.parametrize("client", [HeartbeatAgent, FleetWatcher])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"enrolment_token": ""}, "option enrolment_token: expected ahe_"),
        ({"enrolment_token": TOKEN[:-1]}, "is it cut off"),
        ({"enrolment_token": 5}, "option enrolment_token"),
        ({"enrolment_token": TOKEN, "organization_id": "other"}, "expected one of organization other"),
        ({"enrolment_token": TOKEN, "http_url": None}, "option http_url: expected the https:// URL"),
        ({"enrolment_token": TOKEN, "http_url": "wss://y.test"}, "option http_url"),
        ({"enrolment_token": TOKEN, "private_key": "k"}, "got both"),
        ({}, "expected private_key, private_key_path or enrolment_token, got none"),
    ],
)
def test_an_invalid_enrolment_option_is_refused(client: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        client(**{**GOOD, **options})
    assert SECRET[:-1] not in str(caught.value)


def test_the_token_comes_from_the_environment_unless_there_is_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, f"{TOKEN}\n")
    HeartbeatAgent(**GOOD)
    with pytest.raises(ConfigurationError, match="expected one of organization other"):
        HeartbeatAgent(**{**GOOD, "organization_id": "other"})
    monkeypatch.setenv(TOKEN_VARIABLE, "nonsense")
    HeartbeatAgent(**GOOD, private_key="k")
