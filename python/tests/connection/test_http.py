"""Requests over HTTP."""

from __future__ import annotations

import datetime
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent_heartbeat.connection import http as http_module
from agent_heartbeat.connection.http import HttpRequest, http_audience_of, send_request

URL = "https://abc.lambda-url.eu-west-1.on.aws"


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        (URL, URL),
        ("https://Example.COM:443/base/", "https://example.com"),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_the_audience_is_what_the_service_expects(url: str, audience: str) -> None:
    assert http_audience_of(url) == audience


@pytest.fixture
def tls_url(tmp_path: Path) -> Iterator[str]:
    """A server with a certificate of its own, which is in `tmp_path / "server.pem"`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(today).not_valid_after(today + datetime.timedelta(days=1))
    certificate = made.add_extension(names, critical=False).sign(key, hashes.SHA256())
    path = tmp_path / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )

    class Handler(BaseHTTPRequestHandler):
        def do_DELETE(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    http_module._trust.cache_clear()
    yield f"https://localhost:{server.server_port}/heartbeat"
    http_module._trust.cache_clear()
    server.shutdown()
    server.server_close()


def test_the_trusted_certificates_are_loaded_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls_url: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    made = []
    make = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda: made.append(make()) or made[-1])
    for _ in range(3):
        assert send_request(HttpRequest("DELETE", tls_url, "token", None, 10), None).status == 204
    assert len(made) == 1


def test_an_untrusted_certificate_is_refused(tls_url: str) -> None:
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        send_request(HttpRequest("DELETE", tls_url, "token", None, 10), None)
