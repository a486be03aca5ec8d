"""Reads private keys in the forms in which files, environment variables and secret managers have them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Union

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from .. import base64url
from ..errors import KeyError

PrivateKey = Union[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey]
PRIVATE_KEYS = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)
KeyMaterial = Union[str, bytes, bytearray, memoryview, Mapping[str, Any]]

ACCEPTED = "an RSA key of at least 2048 bits, a P-256 key or an Ed25519 key"
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]*)-----.*?-----END \1-----", re.DOTALL)
_DER = b"\x30"
"""How DER begins."""


def read_private_key(source: KeyMaterial, where: str) -> PrivateKey:
    """PEM, DER (PKCS #8, PKCS #1, SEC 1), base64 of either, or a JWK. Raises KeyError if it is none of them."""
    if isinstance(source, Mapping):
        return _from_jwk(source, where)
    if not isinstance(source, (str, bytes, bytearray, memoryview)):
        raise KeyError(f"{where}: expected {ACCEPTED}, got {type(source).__name__}")
    content = source.encode() if isinstance(source, str) else bytes(source)
    if content.startswith(_DER):
        return _load(content, where)
    text = _text_in(content)
    if text.startswith(b"{") and (jwk := _jwk_in(text)):
        return _from_jwk(jwk, where)
    if b"-----BEGIN" not in text:
        decoded = _decoded(text)
        if decoded.startswith(_DER):
            return _load(decoded, where)
        text = decoded or text
    return _load(_block_in(text, where), where)


def _load(content: bytes, where: str) -> PrivateKey:
    load = serialization.load_der_private_key if content.startswith(_DER) else serialization.load_pem_private_key
    try:
        key = load(content, password=None)
    except TypeError as error:
        raise KeyError(f"{where} is encrypted: expected one without a passphrase") from error
    except Exception as error:  # cryptography raises several kinds, by its version
        form = "DER" if content.startswith(_DER) else "PEM"
        raise KeyError(f"{where} is not readable {form}: {error}") from error
    if isinstance(key, PRIVATE_KEYS):
        return key
    raise KeyError(f"{where}: expected {ACCEPTED}, got {type(key).__name__}")


def _text_in(content: bytes) -> bytes:
    """Without what encodings, quotes and escapes add."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = content.decode("utf-16", "replace").encode()
    text = content.removeprefix(b"\xef\xbb\xbf").strip().strip(b"\"'")
    return text.replace(b"\\r", b"").replace(b"\\n", b"\n").replace(b"\r\n", b"\n")


def _decoded(text: bytes) -> bytes:
    """What base64, or base64url, holds; nothing if the text is neither."""
    packed = b"".join(text.split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _block_in(text: bytes, where: str) -> bytes:
    """The block of a private key."""
    labels: list[str] = []
    for block in _PEM.finditer(text):
        label = block.group(1).decode("ascii")
        if label.endswith("PRIVATE KEY"):
            return block.group(0) + b"\n"
        labels.append(label)
    got = f"-----BEGIN {labels[0]}-----" if labels else "other text" if text else "nothing"
    raise KeyError(f"{where}: expected a private key in PEM (-----BEGIN PRIVATE KEY-----), got {got}")


def _jwk_in(text: bytes) -> Mapping[str, Any] | None:
    """A JWK; None for what a secret manager wraps PEM in."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if "kty" in value else None


def _from_jwk(jwk: Mapping[str, Any], where: str) -> PrivateKey:
    if "d" not in jwk:
        raise KeyError(f"{where}: expected {ACCEPTED}, got a JWK without a private part (d)")
    kind = jwk.get("crv") or jwk.get("kty")
    try:
        if kind == "Ed25519":
            return ed25519.Ed25519PrivateKey.from_private_bytes(base64url.decoded(jwk["d"]))
        if kind == "P-256":
            return ec.derive_private_key(_integer(jwk["d"]), ec.SECP256R1())
        if kind == "RSA":
            n, e, d = (_integer(jwk[name]) for name in ("n", "e", "d"))
            p, q = rsa.rsa_recover_prime_factors(n, e, d)
            public = rsa.RSAPublicNumbers(e, n)
            remainders = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
            return rsa.RSAPrivateNumbers(p, q, d, *remainders, public).private_key()
    except Exception as error:
        raise KeyError(f"{where} is not a readable JWK: {error!r}") from error
    raise KeyError(f"{where}: expected {ACCEPTED}, got a JWK of the kind {kind}")


def _integer(value: str) -> int:
    return int.from_bytes(base64url.decoded(value), "big")
