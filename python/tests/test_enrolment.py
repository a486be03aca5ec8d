"""Agents that register themselves: the key, where it is kept, and what is asked of the service."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

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
from agent_heartbeat.connection.enrolment import TOKEN_VARIABLE, Endpoint, EnrolledKeyLoader, key_loader
from agent_heartbeat.connection.keys import KeyLoader, SigningKey

SECRET = "s" * 43
TOKEN = f"ahe_{base64.urlsafe_b64encode(b'acme').decode().rstrip('=')}.0123456789abcdef.{SECRET}"


class Service:
    """Enrols whoever comes, unless told otherwise."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.status = 201
        self.body = b"{}"
        self.headers: dict[str, str] = {}
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                body = json.loads(content)
                service.requests.append({"path": self.path, "token": self.headers["Authorization"], **body})
                self.send_response(service.status)
                for name, value in service.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(service.body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/enrol"

    def refuse(self, status: int, message: str = "", reason: str = "", **headers: str) -> None:
        body = {"message": message, **({"type": reason} if reason else {})}
        self.status, self.body = status, json.dumps(body).encode()
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def accept(self) -> None:
        self.status, self.body, self.headers = 201, b"{}", {}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.stop()


class World:
    def __init__(self, service: Service, path: Path | None = None) -> None:
        self.now = 0.0
        self.warnings: list[str] = []
        endpoint = Endpoint(service.url, TOKEN, "worker-1", None)
        self.keys = EnrolledKeyLoader(endpoint, path, self.warnings.append, lambda: self.now)

    async def refusal(self) -> str:
        with pytest.raises(KeyError) as caught:
            await self.keys.load()
        return str(caught.value)


async def test_a_key_is_made_registered_once_and_kept_in_memory(service: Service) -> None:
    keys = World(service).keys
    first, second = await keys.load(), await keys.load()
    assert first.key_id == second.key_id
    public = first.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert service.requests == [
        {"path": "/enrol", "token": f"Bearer {TOKEN}", "agentId": "worker-1", "publicKey": public.decode()}
    ]


async def test_a_key_is_kept_where_it_is_told_and_used_after_a_restart(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "worker.pem"
    first = await World(service, path).keys.load()
    assert path.stat().st_mode & 0o777 == 0o600
    assert (await World(service, path).keys.load()).key_id == first.key_id
    assert os.listdir(tmp_path) == ["worker.pem"]


async def test_processes_that_begin_at_the_same_moment_make_one_key(service: Service, tmp_path: Path) -> None:
    worlds = [World(service, tmp_path / "worker.pem") for _ in range(8)]
    keys = await asyncio.gather(*(world.keys.load() for world in worlds))
    assert len({key.key_id for key in keys}) == 1


async def test_a_key_that_is_there_is_registered(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "own.pem"
    own = SigningKey.of(ec.generate_private_key(ec.SECP256R1()))
    path.write_text(own.pem())
    assert (await World(service, path).keys.load()).key_id == own.key_id
    assert len(service.requests) == 1


async def test_a_file_that_is_no_key_is_never_overwritten(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a key")
    assert str(path) in await World(service, path).refusal()
    assert path.read_text() == "not a key"
    assert service.requests == []


async def test_a_key_that_cannot_be_kept_is_told_at_once(service: Service, tmp_path: Path) -> None:
    keys = World(service, tmp_path / "missing" / "worker.pem").keys
    with pytest.raises(KeyError, match="could not be made"):
        await keys.check()
    assert service.requests == []


async def test_a_refusal_says_why_without_the_token(service: Service) -> None:
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
async def test_a_refusal_is_reported_as_what_it_is_wherever_failures_are(
    service: Service, status: int, given: str, kind: str, reason: str, words: str
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


async def test_a_refused_agent_asks_less_and_less_often(service: Service) -> None:
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
async def test_what_may_pass_is_asked_again_as_soon_as_it_may(service: Service, status: int, after: str) -> None:
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


async def test_a_redirect_does_not_get_the_token(service: Service) -> None:
    service.refuse(307, Location="http://127.0.0.1:1/elsewhere")
    assert "status 307" in await World(service).refusal()


async def test_a_service_that_is_not_there_is_asked_again(service: Service) -> None:
    world = World(service)
    service.stop()
    assert f"enrolment at {service.url}: " in await world.refusal()


async def test_a_key_of_an_earlier_run_logs_in_though_it_cannot_be_registered(service: Service, tmp_path: Path) -> None:
    first = await World(service, tmp_path / "worker.pem").keys.load()
    service.refuse(403, "The enrolment has expired")
    world = World(service, tmp_path / "worker.pem")
    assert (await world.keys.load()).key_id == first.key_id
    assert len(world.warnings) == 1
    assert "The enrolment has expired" in world.warnings[0]


async def test_a_key_that_was_registered_logs_in_whatever_has_become_of_the_enrolment(service: Service) -> None:
    world = World(service)
    first = await world.keys.load()
    await world.keys.load()
    assert world.keys.refused()
    service.refuse(403, "The enrolment has expired")
    assert (await world.keys.load()).key_id == first.key_id
    assert len(world.warnings) == 1
    assert "The enrolment has expired" in world.warnings[0]


async def test_a_heartbeat_that_is_refused_says_why_its_key_could_not_be_registered_again(service: Service) -> None:
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


async def test_a_new_key_does_not_log_in_before_it_is_registered(service: Service, tmp_path: Path) -> None:
    service.refuse(403)
    world = World(service, tmp_path / "worker.pem")
    await world.refusal()
    world.now += 20
    await world.refusal()


async def test_a_refused_login_registers_the_key_again_but_not_over_and_over(service: Service) -> None:
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
def test_options_are_checked(client: Any, options: dict[str, Any], message: str) -> None:
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


NAME = TOKEN.removesuffix(f".{SECRET}")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The surroundings of a process on AWS, and nothing of this machine."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAEXAMPLEEXAMPLE00")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session/+=")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    return monkeypatch


def loader(token: str, service: Service) -> KeyLoader:
    return key_loader(
        private_key=None,
        path=None,
        token=token,
        http_url=service.url.removesuffix("/enrol"),
        agent_id="worker-1",
        organization_id="acme",
        proxy=None,
        warn=lambda _: None,
    )


async def test_a_role_is_proved_with_the_credentials_of_the_process(service: Service, aws: pytest.MonkeyPatch) -> None:
    key = await loader(NAME, service).load()
    [request] = service.requests
    assert request["token"] == f"Bearer {NAME}"
    proof = request["awsProof"]
    assert proof["audience"] == service.url.removesuffix("/enrol")
    url = urlsplit(proof["url"])
    parameters = dict(parse_qsl(url.query))
    assert url.netloc == "sts.eu-west-1.amazonaws.com"
    assert parameters["X-Amz-SignedHeaders"] == "host;x-agent-heartbeat-enrolment"
    assert parameters["X-Amz-Security-Token"] == "session/+="
    assert key.key_id not in proof["url"]


async def test_no_proof_goes_with_a_secret(service: Service, aws: pytest.MonkeyPatch) -> None:
    await loader(TOKEN, service).load()
    assert "awsProof" not in service.requests[0]


@pytest.mark.parametrize("region", ["", "evil.example.com/", "EU-WEST-1"])
def test_a_role_needs_a_region(region: str, service: Service, aws: pytest.MonkeyPatch) -> None:
    aws.setenv("AWS_REGION", region)
    with pytest.raises(ConfigurationError, match="needs an AWS region such as eu-west-1"):
        loader(NAME, service)


@pytest.mark.parametrize(
    ("missing", "got"),
    [(("AWS_SESSION_TOKEN",), "without a session token"), (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "got none")],
)
async def test_a_role_needs_credentials(
    missing: tuple[str, ...], got: str, service: Service, aws: pytest.MonkeyPatch
) -> None:
    for name in missing:
        aws.delenv(name)
    with pytest.raises(KeyError, match=got):
        await loader(NAME, service).load()
    assert service.requests == []


def test_a_role_needs_botocore(service: Service, aws: pytest.MonkeyPatch) -> None:
    aws.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(ConfigurationError, match=r"install agent-heartbeat\[aws\]; is the token cut off"):
        loader(NAME, service)
