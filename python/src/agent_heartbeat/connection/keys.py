"""Private keys in the forms in which people have them, and the login tokens that they sign."""

from __future__ import annotations

import hashlib
import inspect
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .. import base64url
from ..errors import ConfigurationError, KeyError
from ..protocol import LOGIN_TOKEN_TTL_SECONDS, Message
from ..tasks import Tasks
from .key_material import ACCEPTED, PRIVATE_KEYS, KeyMaterial, PrivateKey, read_private_key

_Given = Union[KeyMaterial, PrivateKey]
KeySource = Union[_Given, Callable[[], _Given | Awaitable[_Given]]]
"""Text or bytes (PEM, DER, base64 of it, JWK), a JWK, a key of `cryptography`, or a function that gives one of them."""


@dataclass(frozen=True)
class SigningKey:
    """A private key, ready to sign with; `key_id` is the RFC 7638 thumbprint of its public half."""

    key: PrivateKey
    algorithm: str
    key_id: str

    @staticmethod
    def of(source: KeyMaterial | PrivateKey, where: str = "the private key") -> SigningKey:
        """Reads a key. Raises KeyError if it is not a private key of an accepted kind."""
        key: Any = source if isinstance(source, PRIVATE_KEYS) else read_private_key(source, where)
        algorithm, jwk = _public_jwk(key, where)
        thumbprint = hashlib.sha256(json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()).digest()
        return SigningKey(key, algorithm, base64url.encoded(thumbprint))

    @staticmethod
    def from_file(path: str | Path) -> SigningKey:
        """Reads a key from a file. Raises KeyError, with the path, if that fails."""
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise KeyError(f"the private key at {path} could not be read: {error}") from error
        return SigningKey.of(content, f"the private key at {path}")

    def pem(self) -> str:
        """The key in PEM (PKCS #8), for another process of the same agent."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def token(self, login: Message, now: float, rotation: bool, issued_at: float | None = None) -> str:
        """A login token with a fresh `jti`, valid for a minute. `now` is in seconds, by the server's clock.

        `issued_at` has fractions, for several tokens within a second that are to be in order.
        """
        iat = int(now) if issued_at is None else issued_at
        claims = {
            **login,
            "iat": iat,
            "exp": iat + LOGIN_TOKEN_TTL_SECONDS,
            "jti": str(uuid.uuid4()),
            **({"rotation": True} if rotation else {}),
        }
        header = {"alg": self.algorithm, "kid": self.key_id, "typ": "JWT"}
        signed = ".".join(
            base64url.encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)
        )
        return f"{signed}.{base64url.encoded(self._sign(signed.encode()))}"

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class KeyLoader:
    """Where an agent's private key comes from: it is read for each login."""

    def __init__(self, private_key: KeySource | None, path: str | Path | None) -> None:
        """Raises ConfigurationError unless exactly one of the two is given."""
        if private_key is not None and path is not None:
            raise ConfigurationError("expected either private_key or private_key_path, got both")
        if private_key is None and path is None:
            raise ConfigurationError("expected private_key, private_key_path or enrolment_token, got none")
        self._tasks = Tasks()
        self._private_key: Any = private_key
        self._path = None if path is None else Path(path).absolute()

    @property
    def for_another_process(self) -> dict[str, str] | None:
        """Where another process reads the key; None if it has to ask this one each time."""
        if self._path is not None:
            return {"path": str(self._path)}
        if callable(self._private_key):
            return None
        return {"pem": SigningKey.of(self._private_key).pem()}

    async def check(self) -> None:
        """Raises KeyError at once if there is no usable key."""
        await self.load()

    def refused(self) -> bool:
        """A login with the key was refused. Returns whether the next one may succeed."""
        return False

    async def load(self) -> SigningKey:
        """Raises KeyError if there is no usable key."""
        if self._path is not None:
            return SigningKey.from_file(self._path)
        source = self._private_key
        if callable(source):
            try:
                source = source()
                if inspect.isawaitable(source):
                    source = await source
            except KeyError:
                raise
            except Exception as error:
                raise KeyError(f"the function for the private key failed: {error!r}") from error
        return SigningKey.of(source)

    def hand_to(self, proceed: Callable[[SigningKey | BaseException], None]) -> None:
        """Loads the key, and hands it, or the error, to a callback."""

        async def load() -> None:
            try:
                key: SigningKey | BaseException = await self.load()
            except KeyError as error:
                key = error
            proceed(key)

        self._tasks.keep(load())


def _public_jwk(key: Any, where: str) -> tuple[str, dict[str, str]]:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return "EdDSA", {"crv": "Ed25519", "kty": "OKP", "x": base64url.encoded(raw)}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.curve.name != "secp256r1":
            raise KeyError(f"{where}: expected {ACCEPTED}, got the curve {key.curve.name}")
        point = key.public_key().public_numbers()
        x, y = (base64url.encoded(number.to_bytes(32, "big")) for number in (point.x, point.y))
        return "ES256", {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < 2048:
            raise KeyError(f"{where}: expected {ACCEPTED}, got an RSA key of {key.key_size} bits")
        public = key.public_key().public_numbers()
        return "RS256", {"e": _number(public.e), "kty": "RSA", "n": _number(public.n)}
    raise KeyError(f"{where}: expected {ACCEPTED}, got {type(key).__name__}")


def _number(value: int) -> str:
    return base64url.encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))
