"""The header fields of the application's answers, completed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import AnyStr, Generic

from .. import http

_NAMES = http.expose_headers(["x-ratelimit", "ietf", "draft-06", "mixed"]).split(", ")
#: All fields that tell of limits, whichever an answer has.
_FAMILIES = [name.lower() for name in _NAMES if name != "Retry-After"]

_PUBLIC = frozenset(["public", "s-maxage"])


class Fields(Generic[AnyStr]):
    """Puts fields into an answer, as bytes (ASGI) or as text (WSGI)."""

    __slots__ = ("_cache_control", "_families", "_made", "_make", "_text")

    def __init__(
        self,
        made: Callable[[bytes], list[tuple[AnyStr, AnyStr]]],
        make: Callable[[str], AnyStr],
        text: Callable[[AnyStr], str],
    ) -> None:
        """
        Args:
            made: the fields in rendered lines in the form that they have here.
            make, text: to that form, and back.
        """
        self._made: Callable[[bytes], list[tuple[AnyStr, AnyStr]]] = made
        self._make: Callable[[str], AnyStr] = make
        self._text: Callable[[AnyStr], str] = text
        self._cache_control: AnyStr = make("cache-control")
        self._families: frozenset[AnyStr] = frozenset(make(name) for name in _FAMILIES)

    def put(
        self,
        inner: list[tuple[AnyStr, AnyStr]],
        lines: bytes,
        denied: bool,
        added: Sequence[tuple[str, str]],
    ) -> list[tuple[AnyStr, AnyStr]]:
        """The application's fields with those of rendered lines in place of their like, and what is added.

        As they are where caches may give the application's answer to other clients, who would take the numbers for
        theirs.
        """
        own = self._made(lines)
        replaced = self._families
        if denied:
            replaced = replaced.union([name.lower() for name, _ in own])
        kept = []
        for field in inner:
            name = field[0].lower()
            if name in replaced:
                continue
            if name == self._cache_control and self._is_public(field[1]):
                return inner
            kept.append(field)
        kept += own
        if added:
            kept += [(self._make(name), self._make(value)) for name, value in added]
        return kept

    def as_text(self, inner: Iterable[tuple[AnyStr, AnyStr]]) -> list[tuple[str, str]]:
        """Fields as functions of users have them."""
        return [(self._text(name), self._text(value)) for name, value in inner]

    def _is_public(self, cache_control: AnyStr) -> bool:
        directives = self._text(cache_control).split(",")
        return not _PUBLIC.isdisjoint(directive.partition("=")[0].strip().lower() for directive in directives)


#: Names as they are rendered, in lower case.
_LOWER = {name.encode(): name.lower().encode() for name in (*_NAMES, "Cache-Control")}


def _raw(lines: bytes) -> list[tuple[bytes, bytes]]:
    pairs = [line.split(b": ", 1) for line in lines.split(b"\r\n")[:-1]]
    return [(_LOWER[name], value) for name, value in pairs]


def _native(lines: bytes) -> list[tuple[str, str]]:
    pairs = [line.split(": ", 1) for line in lines.decode().split("\r\n")[:-1]]
    return [(name, value) for name, value in pairs]


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _text(value: bytes) -> str:
    return value.decode("latin-1")


#: As ASGI has them: bytes, names in lower case.
AS_BYTES: Fields[bytes] = Fields(_raw, _bytes, _text)
#: As WSGI has them: latin-1 text.
AS_TEXT: Fields[str] = Fields(_native, str, str)
