"""A service that enrols agents, for tests."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent_heartbeat import KeyError
from agent_heartbeat.connection.enrolment import Endpoint, EnrolledKeyLoader

SECRET = "s" * 43
TOKEN = f"ahe_{base64.urlsafe_b64encode(b'acme').decode().rstrip('=')}.0123456789abcdef.{SECRET}"


class EnrolmentService:
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


class World:
    def __init__(self, service: EnrolmentService, path: Path | None = None) -> None:
        self.now = 0.0
        self.warnings: list[str] = []
        endpoint = Endpoint(service.url, TOKEN, "worker-1", None)
        self.keys = EnrolledKeyLoader(endpoint, path, self.warnings.append, lambda: self.now)

    async def refusal(self) -> str:
        with pytest.raises(KeyError) as caught:
            await self.keys.load()
        return str(caught.value)
