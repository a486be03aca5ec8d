"""The vectors that clients in every language share: `conformance/vectors.json`."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from agent_heartbeat import protocol, wire
from agent_heartbeat.connection import ends
from agent_heartbeat.connection.aws_role import AwsRole
from agent_heartbeat.connection.backoff import Backoff, built_in_windows
from agent_heartbeat.connection.keys import SigningKey
from agent_heartbeat.protocol import ID_PATTERN, audience_of
from agent_heartbeat.subject import agent_token, is_pattern, is_subject, matches_subject

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "conformance/vectors.json").read_text(encoding="utf-8")
)


def of(name: str) -> Any:
    return pytest.mark.parametrize("given", VECTORS[name], ids=lambda given: json.dumps(given)[:60])


def test_limits() -> None:
    limits = VECTORS["limits"]
    assert limits["messageBytes"] == protocol.MESSAGE_BYTES
    assert limits["frameBytes"] == protocol.FRAME_BYTES
    assert limits["profileBytes"] == protocol.PROFILE_BYTES
    assert limits["capabilities"] == protocol.CAPABILITIES
    assert limits["activityTextLength"] == protocol.ACTIVITY_TEXT_LENGTH
    assert limits["connectionDurationMs"] == protocol.CONNECTION_DURATION_SECONDS * 1000
    assert limits["tokenSeconds"] == protocol.LOGIN_TOKEN_TTL_SECONDS
    assert limits["defaultIntervalSeconds"] == protocol.DEFAULT_INTERVAL_SECONDS
    assert limits["maxIntervalSeconds"] == protocol.MAX_INTERVAL_SECONDS
    assert limits["defaultTimeoutMultiplier"] == protocol.DEFAULT_TIMEOUT_MULTIPLIER
    assert limits["minTimeoutMultiplier"] == protocol.MIN_TIMEOUT_MULTIPLIER
    assert limits["maxTimeoutMultiplier"] == protocol.MAX_TIMEOUT_MULTIPLIER


@of("audiences")
def test_audiences(given: Any) -> None:
    assert audience_of(given["url"]) == given["audience"]


@of("keys")
def test_keys(given: Any) -> None:
    key = SigningKey.of(given["pem"])
    assert (key.key_id, key.algorithm) == (given["keyId"], given["algorithm"])


@of("ids")
def test_ids(given: Any) -> None:
    assert bool(ID_PATTERN.fullmatch(given["id"])) is given["valid"]
    assert agent_token(given["id"]) == given["token"]


@of("subjects")
def test_subjects(given: Any) -> None:
    assert is_subject(given["subject"]) is given["valid"]


@of("patterns")
def test_patterns(given: Any) -> None:
    assert is_pattern(given["pattern"]) is given["valid"]


@of("matches")
def test_matches(given: Any) -> None:
    assert matches_subject(given["pattern"], given["subject"]) is given["matches"]


@of("ends")
def test_ends(given: Any) -> None:
    end = given["end"]
    made: ends.End
    if end["how"] == "closed":
        made = ends.Closed(end["code"], end["reason"])
    elif end["how"] == "refused":
        made = ends.Refused(end["status"])
    else:
        made = ends.Failed(OSError("no network"))
    assert ends.failure_of(made).kind == given["kind"]
    for window in given["fleetWindowsMs"]:
        assert ends.fleet_window(made, window["ageMs"] / 1000, 600) * 1000 == window["ms"]


@of("advisedWindows")
def test_advised_windows(given: Any) -> None:
    assert ends.advised_window(given["value"]) * 1000 == given["ms"]


@of("retryAfter")
def test_retry_after(given: Any) -> None:
    refused = ends.Refused(503, given["retryAfter"], given.get("date"))
    assert ends.retry_after_seconds(refused, 1_767_225_600) * 1000 == given["ms"]


@of("backoff")
def test_backoff(given: Any) -> None:
    left = list(given["randoms"])
    windows = built_in_windows(given["baseMs"] / 1000, given["maxMs"] / 1000)
    backoff = Backoff(windows, None, lambda: left.pop(0))
    for expected in given["delaysMs"]:
        delay = backoff.next(given["kind"], given["retryAfterMs"] / 1000, given["fleetWindowMs"] / 1000)
        assert delay * 1000 == pytest.approx(expected, abs=0.51)


@of("frames")
def test_frames(given: Any) -> None:
    message = wire.decode(given["frame"])
    expected = given["message"]
    if expected is not None and expected["type"] == "error" and expected["code"] in ("invalid_json", "internal"):
        # How it is worded is each client's own.
        assert message is not None
        message, expected = {**message, "message": ""}, {**expected, "message": ""}
    assert message == expected


@of("awsProofs")
def test_aws_proofs(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.auth
    from botocore.credentials import Credentials
    from botocore.session import Session

    time = datetime.fromtimestamp(given["time"] / 1000, tz=timezone.utc)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: time)
    keys, binding = given["credentials"], given["binding"]
    session = Session()
    session._credentials = Credentials(keys["accessKeyId"], keys["secretAccessKey"], keys["sessionToken"])
    role = AwsRole(given["audience"], binding["organizationId"], binding["enrolmentId"], given["region"], session)
    proof = role.proof(binding["agentId"], binding["keyId"])
    url = urlsplit(proof["url"])
    assert proof["audience"] == given["audience"]
    assert (url.scheme, url.netloc, url.path, url.fragment) == ("https", given["host"], "/", "")
    assert dict(parse_qsl(url.query, strict_parsing=True)) == given["parameters"]
