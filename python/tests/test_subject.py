"""Subjects and patterns."""

from __future__ import annotations

from agent_heartbeat.subject import is_pattern, is_subject, matches_subject


def test_subjects_and_patterns() -> None:
    assert is_subject("tasks.process-1._x")
    assert not any(map(is_subject, ["", ".", "a.", "a b", "a.*", "ä", "a\n", "x" * 257, "a." * 16 + "b"]))
    assert all(map(is_pattern, ["*", ">", "a.*.b", "a.>"]))
    assert not any(map(is_pattern, [">.a", "a.>b", "a*", ""]))
    for pattern, subject, matches in [
        ("a.*", "a.b", True), ("a.*", "a.b.c", False), ("a.>", "a.b.c", True), ("a.>", "a", False),
        (">", "a", True), ("*.b", "a.b", True), ("a", "a.b", False), ("a.b", "a.b", True),
    ]:  # fmt: skip
        assert matches_subject(pattern, subject) is matches
