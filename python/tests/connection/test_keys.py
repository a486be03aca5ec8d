"""Private keys in the forms in which people have them, and the tokens that they sign."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from agent_heartbeat import KeyError
from agent_heartbeat.connection.keys import SigningKey
from agent_heartbeat.testing import Login

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
P = serialization.PrivateFormat


def pem(key: Any, form: Any = P.PKCS8, encryption: Any = None) -> str:
    text: bytes = key.private_bytes(serialization.Encoding.PEM, form, encryption or serialization.NoEncryption())
    return text.decode()


def raw(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA")])
def test_a_token_is_signed_by_the_key_it_names(key: Any, algorithm: str) -> None:
    signing = SigningKey.of(pem(key))
    token = signing.token({"iss": "a", "sub": "a"}, 1_700_000_000.9, rotation=True)
    head, body, signature = token.split(".")
    login = Login.of(token)
    assert login.header == {"alg": algorithm, "kid": signing.key_id, "typ": "JWT"}
    claims = login.claims
    assert (claims["iat"], claims["exp"], claims["rotation"]) == (1_700_000_000, 1_700_000_060, True)
    signed, public = f"{head}.{body}".encode(), key.public_key()
    if algorithm == "EdDSA":
        public.verify(raw(signature), signed)
    elif algorithm == "RS256":
        public.verify(raw(signature), signed, padding.PKCS1v15(), hashes.SHA256())
    else:
        r, s = (int.from_bytes(raw(signature)[at : at + 32], "big") for at in (0, 32))
        public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))


def test_a_thumbprint_is_that_of_rfc_7638() -> None:
    jwk = {"crv": "Ed25519", "kty": "OKP",
           "x": base64.urlsafe_b64encode(ED.public_key().public_bytes_raw()).rstrip(b"=").decode()}  # fmt: skip
    digest = hashlib.sha256(json.dumps(jwk, separators=(",", ":")).encode()).digest()
    assert SigningKey.of(ED).key_id == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def jwk(key: Any) -> dict[str, str]:
    def text(value: int | bytes) -> str:
        octets = value if isinstance(value, bytes) else value.to_bytes((value.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {"kty": "OKP", "crv": "Ed25519", "d": text(key.private_bytes_raw())}
    numbers = key.private_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        public = numbers.public_numbers
        return {"kty": "RSA", "n": text(public.n), "e": text(public.e), "d": text(numbers.d)}
    return {"kty": "EC", "crv": "P-256", "d": text(numbers.private_value)}


def der(key: Any, form: Any = P.PKCS8) -> bytes:
    octets: bytes = key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())
    return octets


CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
FORMS: dict[str, Any] = {
    "PKCS #8": pem(EC),
    "SEC 1": pem(EC, P.TraditionalOpenSSL),
    "bytes": pem(EC).encode(),
    "a key": EC,
    "CRLF": pem(EC).replace("\n", "\r\n"),
    "escaped lines": pem(EC).replace("\n", "\\n"),
    "quoted": f'"{pem(EC)}"',
    "quoted and escaped": '"' + pem(EC).replace("\n", "\\n") + '"',
    "spaces around": f"\n\n  {pem(EC)}  \n",
    "byte order mark": b"\xef\xbb\xbf" + pem(EC).encode(),
    "UTF-16": pem(EC).encode("utf-16"),
    "base64 of it": base64.b64encode(pem(EC).encode()).decode(),
    "base64 in bytes, with a line end": base64.b64encode(pem(EC).encode()) + b"\n",
    "after a certificate": CERTIFICATE + pem(EC),
    "after its parameters": "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    + pem(EC, P.TraditionalOpenSSL),
    "escaped CRLF": pem(EC).replace("\n", "\\r\\n"),
    "a bytearray": bytearray(pem(EC).encode()),
    "base64 in lines": base64.encodebytes(pem(EC).encode()).decode(),
    "base64url": base64.urlsafe_b64encode(pem(EC).encode()).rstrip(b"=").decode(),
    "JSON of a secret manager": json.dumps({"username": "a", "private_key": pem(EC)}),
    "JWK": jwk(EC),
    "JWK as text": json.dumps(jwk(EC)),
    "DER": der(EC),
    "SEC 1 in DER": der(EC, P.TraditionalOpenSSL),
    "base64 of DER": base64.b64encode(der(EC)),
    "PEM without its frame": "".join(pem(EC).splitlines()[1:-1]),
    "with text around": f"Bag Attributes\n{pem(EC)}\nthe end",
}


@pytest.mark.parametrize("source", FORMS.values(), ids=FORMS.keys())
def test_every_form_is_the_same_key(source: Any) -> None:
    assert SigningKey.of(source).key_id == SigningKey.of(EC).key_id


@pytest.mark.parametrize("key", [RSA, ED])
def test_other_kinds_of_keys_are_read_in_jwk_and_der(key: Any) -> None:
    for source in (jwk(key), json.dumps(jwk(key)), der(key)):
        assert SigningKey.of(source).key_id == SigningKey.of(key).key_id


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"kty": "EC", "crv": "P-256", "x": "x"}, r"got a JWK without a private part \(d\)"),
        ({"kty": "EC", "crv": "P-521", "d": "AQ"}, "got a JWK of the kind P-521"),
        ({"kty": "EC", "crv": "P-256", "d": 5}, "is not a readable JWK"),
        (b"\x30\x82\x00", "is not readable DER"),
        ('{"key": "value"}', "got other text"),
        (5, "got int"),
    ],
)
def test_an_error_names_what_was_given_in_place_of_a_private_key(source: Any, message: str) -> None:
    with pytest.raises(KeyError, match=message):
        SigningKey.of(source)


def test_pkcs_1_is_read_too() -> None:
    assert SigningKey.of(pem(RSA, P.TraditionalOpenSSL)).key_id == SigningKey.of(RSA).key_id


public = EC.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
WRONG: dict[str, tuple[Any, str]] = {
    "public": (public, "got -----BEGIN PUBLIC KEY-----"),
    "certificate": (CERTIFICATE, "got -----BEGIN CERTIFICATE-----"),
    "other text": ("hello", "got other text"),
    "nothing": ("", "got nothing"),
    "damaged": ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "not readable PEM"),
    "encrypted": (pem(EC, P.PKCS8, serialization.BestAvailableEncryption(b"x")), "is encrypted"),
    "another curve": (pem(ec.generate_private_key(ec.SECP384R1())), "secp384r1"),
    "short": (pem(rsa.generate_private_key(65537, 1024)), "1024 bits"),
    "OpenSSH": (pem(ED, P.OpenSSH), "not readable PEM|OPENSSH"),
    "a number": (7, "got int"),
}


@pytest.mark.parametrize(("source", "message"), WRONG.values(), ids=WRONG.keys())
def test_an_error_names_what_is_wrong_with_a_key(source: Any, message: str) -> None:
    with pytest.raises(KeyError, match=message) as refused:
        SigningKey.of(source)
    assert "MIG" not in str(refused.value), "a key must not be shown"
