"""The key of an agent that registers itself: made where the agent runs, and registered by an enrolment."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from .. import base64url
from ..errors import ConfigurationError, EnrolmentRefusedError, KeyError
from ..tasks import Tasks
from .aws_role import AwsRole
from .ends import Refused, kind_of_status, retry_after_seconds
from .http import (
    HttpAnswer,
    HttpRequest,
    checked_http_url,
    given_http_url,
    http_audience_of,
    send_request,
)
from .keys import KeyLoader, KeySource, SigningKey

TOKEN_VARIABLE = "AGENT_HEARTBEAT_ENROLMENT_TOKEN"

_TOKEN = re.compile(r"ahe_([\w-]+)\.([0-9a-f]{16})(\.[\w-]{43})?", re.ASCII)
_FORM = "ahe_<organization>.<enrolment id>.<secret>, or without a secret for roles on AWS"

_TIMEOUT = 30.0
"""In seconds. Longer than a login attempt, so that a service that is slow, because a whole fleet enrols, is not asked
again while it is at it: the next attempt waits for the same answer."""
_FIRST_REFUSED = 15.0
_MOST_REFUSED = 300.0
"""How long a refusal holds before the service is asked again, in seconds: doubled each time, up to the second."""

_REASON = re.compile(r"[a-z_]{1,40}")
_ANOTHER = "; `agent-heartbeat enrolments create` makes another"
_ADVICE = {
    "unauthorized": "; is it whole, and of this deployment? `agent-heartbeat enrolments list` shows what there is",
    "no_role": "; is the role of this process one of the enrolment's? The log of the function Http says why "
    "(enrolment_refused)",
    "enrolment_revoked": _ANOTHER,
    "enrolment_expired": _ANOTHER,
    "enrolment_used_up": _ANOTHER,
    "name_not_allowed": "; `agent-heartbeat enrolments list` shows which names it allows",
    "name_in_use": "; give each process a name of its own, or keep its key in a file (private_key_path); "
    "`agent-heartbeat agents remove` frees a name",
    "agent_disabled": "; `agent-heartbeat agents enable` enables it again",
    "refused": "; is http_url the deployment's output HttpUrl?",
}
"""What to do about a refusal that does not pass by itself."""


def key_loader(
    *,
    private_key: KeySource | None,
    path: str | Path | None,
    token: str | None,
    http_url: str | None,
    agent_id: str,
    organization_id: str,
    proxy: str | bool | None,
    warn: Callable[[str], None],
) -> KeyLoader:
    """Where an agent's key comes from. Raises ConfigurationError if nothing says so, or too much."""
    if token is not None and private_key is not None:
        raise ConfigurationError("expected either private_key or enrolment_token, got both")
    if token is None and private_key is None:
        token = os.environ.get(TOKEN_VARIABLE, "").strip() or None
    if token is None:
        return KeyLoader(private_key, path)
    enrolment_id, has_secret = _checked_token(token, organization_id)
    url = checked_http_url(given_http_url(http_url), "enrolment_token")
    role = None if has_secret else AwsRole.of_process(http_audience_of(url), organization_id, enrolment_id)
    endpoint = Endpoint(f"{url}/enrol", token, agent_id, proxy, role)
    return EnrolledKeyLoader(endpoint, path, warn)


@dataclass(frozen=True)
class Endpoint:
    """Where an agent registers, and as whom."""

    url: str
    token: str
    agent_id: str
    proxy: str | bool | None
    role: AwsRole | None = None
    """By which role on AWS, if the token has no secret."""

    def post(self, public_key: str, key_id: str) -> HttpAnswer:
        """Waits for the answer. Raises OSError if there is none, KeyError if there are no credentials of a role."""
        body: dict[str, Any] = {"agentId": self.agent_id, "publicKey": public_key}
        if self.role is not None:
            body["awsProof"] = self.role.proof(self.agent_id, key_id)
        return send_request(HttpRequest("POST", self.url, self.token, body, _TIMEOUT), self.proxy)


class EnrolledKeyLoader(KeyLoader):
    """Makes a key, keeps it in a file or in memory, and registers it before the first login."""

    def __init__(
        self,
        endpoint: Endpoint,
        path: str | Path | None,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tasks = Tasks()
        self._endpoint = endpoint
        self._path = None if path is None else Path(path).absolute()
        self._warn = warn
        self._clock = clock
        self._in_memory: SigningKey | None = None
        self._is_new = False
        """Whether this process has made the key and has not registered it yet: no login with it can succeed."""
        self._is_enrolled = False
        self._was_asked = False
        """Whether the service was asked for the key that was loaded last."""
        self._enrolling: asyncio.Task[None] | None = None
        self._refusals = 0
        self._refusal: EnrolmentRefusedError | None = None
        self._refused_until = 0.0

    @property
    def for_another_process(self) -> None:
        return None

    async def check(self) -> None:
        self._key()

    async def load(self) -> SigningKey:
        key = self._key()
        self._was_asked = not self._is_enrolled
        if not self._is_enrolled:
            if self._enrolling is None or self._enrolling.done():
                self._enrolling = asyncio.ensure_future(self._enrol(key))
            try:
                await asyncio.shield(self._enrolling)
            except KeyError as error:
                # A key that was registered may still be valid, or become valid again, whatever happened to the
                # enrolment: the login decides.
                if self._is_new:
                    raise
                self._warn(f"{error}; logging in with the key that is there")
        return key

    def refused(self) -> bool:
        """A login was refused, perhaps because an ephemeral registration has vanished.

        Returns whether to try again at once.
        """
        if self._was_asked:
            return False
        self._is_enrolled = False
        return True

    def _key(self) -> SigningKey:
        if self._path is None:
            if self._in_memory is None:
                self._is_new = True
                self._in_memory = SigningKey.of(ed25519.Ed25519PrivateKey.generate())
            return self._in_memory
        if not self._path.exists():
            try:
                self._is_new = _make_key_file(self._path)
            except OSError as error:
                raise KeyError(f"the private key at {self._path} could not be made: {error}") from error
        return SigningKey.from_file(self._path)

    async def _enrol(self, key: SigningKey) -> None:
        if self._refusal and self._clock() < self._refused_until:
            raise self._refusal
        public_key = key.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        url = self._endpoint.url
        try:
            answer = await asyncio.to_thread(self._endpoint.post, public_key.decode(), key.key_id)
        except (OSError, ValueError) as error:
            raise KeyError(f"enrolment at {url}: {error}") from error
        if answer.status not in (200, 201):
            raise self._refuse(answer)
        self._refusals = 0
        self._is_new = False
        self._is_enrolled = True

    def _refuse(self, answer: HttpAnswer) -> EnrolmentRefusedError:
        if answer.status < 500 and answer.status != 429:
            hold = min(_FIRST_REFUSED * 2**self._refusals, _MOST_REFUSED)
            self._refusals = min(self._refusals + 1, 10)
        else:
            asked = Refused(answer.status, answer.retry_after, answer.date)
            hold = min(retry_after_seconds(asked, time.time()), _MOST_REFUSED)
        reason, message = _reason_in(answer), answer.body.get("message")
        why = f": {message}" if isinstance(message, str) else ""
        advice = _ADVICE.get("no_role" if reason == "unauthorized" and self._endpoint.role else reason, "")
        text = f"enrolment at {self._endpoint.url} was refused with status {answer.status}{why}{advice}"
        self._refusal = EnrolmentRefusedError(text, answer.status, reason, hold)
        self._refused_until = self._clock() + hold
        return self._refusal


def _reason_in(answer: HttpAnswer) -> str:
    """By the service's word for it, if it gives one."""
    given = answer.body.get("type")
    if isinstance(given, str) and _REASON.fullmatch(given):
        return given
    return "unauthorized" if answer.status == 401 else kind_of_status(answer.status)


def _make_key_file(path: Path) -> bool:
    """Returns whether it was made: of several processes that do so at once, all take the first one's key."""
    pem = SigningKey.of(ed25519.Ed25519PrivateKey.generate()).pem()
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4()}.tmp")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        _place(unfinished, path)
        return True
    except FileExistsError:
        return False
    finally:
        unfinished.unlink(missing_ok=True)


def _place(unfinished: Path, path: Path) -> None:
    """Not by a rename, which would replace what is there."""
    try:
        os.link(unfinished, path)
    except OSError as error:
        # A file system without links, as on many memory cards.
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(unfinished.read_bytes())


def _checked_token(token: Any, organization_id: str) -> tuple[str, bool]:
    """The enrolment's id, and whether there is a secret. The token is never repeated in a message."""
    match = _TOKEN.fullmatch(token) if isinstance(token, str) else None
    if match is None:
        raise ConfigurationError(f"option enrolment_token: expected {_FORM}, got another text; is it cut off?")
    try:
        organization = base64url.decoded(match.group(1)).decode()
    except ValueError:
        organization = "another one"
    if organization != organization_id:
        raise ConfigurationError(
            f"option enrolment_token: expected one of organization {organization_id}, got one of {organization!r}"
        )
    return match.group(2), match.group(3) is not None
