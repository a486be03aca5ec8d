"""What both sides of the protocol derive from a URL."""

from __future__ import annotations

import pytest

from agent_heartbeat.protocol import audience_of


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        ("wss://h.example/prod", "wss://h.example/prod"),
        ("wss://H.Example/prod/", "wss://h.example/prod"),
        ("wss://h.example:443/prod", "wss://h.example/prod"),
        ("ws://h.example:80/prod", "wss://h.example/prod"),
        ("ws://h.example:443/prod", "wss://h.example/prod"),
        ("wss://h.example:80/prod", "wss://h.example:80/prod"),
        ("ws://127.0.0.1:8787/prod//", "wss://127.0.0.1:8787/prod"),
        ("ws://[::1]:8787/prod", "wss://[::1]:8787/prod"),
        ("wss://h.example", "wss://h.example"),
        ("wss://h.example/prod?x=1#y", "wss://h.example/prod"),
        ("wss://h.example/a/../prod/.", "wss://h.example/prod"),
        ("wss://bücher.example/prod", "wss://xn--bcher-kva.example/prod"),
    ],
)
def test_an_audience_is_the_same_for_every_way_to_write_a_url(url: str, audience: str) -> None:
    assert audience_of(url) == audience
