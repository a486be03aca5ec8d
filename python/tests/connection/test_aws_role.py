"""Agents that register themselves by their AWS role."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest

from agent_heartbeat import ConfigurationError, KeyError
from agent_heartbeat.connection.enrolment import key_loader
from agent_heartbeat.connection.keys import KeyLoader

from .enrolment_service import SECRET, TOKEN, EnrolmentService

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


def loader(token: str, service: EnrolmentService) -> KeyLoader:
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


async def test_a_role_is_proved_with_the_credentials_of_the_process(
    service: EnrolmentService, aws: pytest.MonkeyPatch
) -> None:
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


async def test_no_proof_goes_with_a_secret(service: EnrolmentService, aws: pytest.MonkeyPatch) -> None:
    await loader(TOKEN, service).load()
    assert "awsProof" not in service.requests[0]


@pytest.mark.parametrize("region", ["", "evil.example.com/", "EU-WEST-1"])
def test_a_role_needs_a_region(region: str, service: EnrolmentService, aws: pytest.MonkeyPatch) -> None:
    aws.setenv("AWS_REGION", region)
    with pytest.raises(ConfigurationError, match="needs an AWS region such as eu-west-1"):
        loader(NAME, service)


@pytest.mark.parametrize(
    ("missing", "got"),
    [(("AWS_SESSION_TOKEN",), "without a session token"), (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "got none")],
)
async def test_a_role_needs_credentials(
    missing: tuple[str, ...], got: str, service: EnrolmentService, aws: pytest.MonkeyPatch
) -> None:
    for name in missing:
        aws.delenv(name)
    with pytest.raises(KeyError, match=got):
        await loader(NAME, service).load()
    assert service.requests == []


def test_a_role_needs_botocore(service: EnrolmentService, aws: pytest.MonkeyPatch) -> None:
    aws.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(ConfigurationError, match=r"install agent-heartbeat\[aws\]; is the token cut off"):
        loader(NAME, service)
