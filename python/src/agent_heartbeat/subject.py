"""Subjects and patterns: what they may look like, and which pattern matches which subject."""

from __future__ import annotations

import re
from collections.abc import Callable

from .errors import SubjectError
from .protocol import SUBJECT_LENGTH, SUBJECT_TOKENS

_TOKEN = re.compile(r"[A-Za-z0-9_@:/+=%~-]+")
_SUBJECT_FORM = "tokens of letters, digits and _-@:/+=%~ joined by dots"
_PATTERN_FORM = f'{_SUBJECT_FORM}, "*" for one token, or a last ">"'


def agent_token(agent_id: str) -> str:
    """The token that stands for an agent in a subject: its id, with `~` for each dot, which would end the token."""
    return agent_id.replace(".", "~")


def is_subject(text: str) -> bool:
    """Whether a text is a subject: tokens joined by dots, each of letters, digits and `_-@:/+=%~`."""
    return _fits(text, lambda token, last: False)


def is_pattern(text: str) -> bool:
    """Whether a text is a pattern: a subject with `*` for one token and a last `>` for one or more."""
    return _fits(text, lambda token, last: token == "*" or (token == ">" and last))


def matches_subject(pattern: str, subject: str) -> bool:
    """Whether a subject falls under a pattern: token by token, never by prefix."""
    wanted, tokens = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted = wanted[:-1]
        if len(tokens) <= len(wanted):
            return False
    elif len(tokens) != len(wanted):
        return False
    return all(want in ("*", token) for want, token in zip(wanted, tokens, strict=False))


def check_subject(text: object) -> None:
    """Raises SubjectError if a text is no subject."""
    if not (isinstance(text, str) and is_subject(text)):
        raise SubjectError(f"subject: expected {_SUBJECT_FORM}, got {text!r}")


def check_pattern(text: object, forbidden: str) -> None:
    """Raises SubjectError if a text is no pattern, or begins with a token that nobody may subscribe to."""
    if not (isinstance(text, str) and is_pattern(text)):
        raise SubjectError(f"subject: expected {_PATTERN_FORM}, got {text!r}")
    if text.split(".")[0] == forbidden:
        raise SubjectError(f'subject: expected one that is not under {forbidden}, got "{text}"')


def _fits(text: str, wildcard: Callable[[str, bool], bool]) -> bool:
    tokens = text.split(".")
    return (
        len(text) <= SUBJECT_LENGTH
        and len(tokens) <= SUBJECT_TOKENS
        and all(
            _TOKEN.fullmatch(token) or wildcard(token, index == len(tokens) - 1) for index, token in enumerate(tokens)
        )
    )
