"""The header fields of the application's answers, completed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import AnyStr, Generic

from .. import http

#: All fields that tell of limits, whichever an answer has.
_FAMILIES = (
    http.expose_headers(["x-ratelimit", "ietf", "draft-06", "mixed"]).lower().replace("retry-after, ", "").split(", ")
)

_PUBLIC = frozenset(["public", "s-maxage"])


class Fields(Generic[AnyStr]):
    """Puts fields into an answer, as bytes (ASGI) or as text (WSGI)."""

    __slots__ = ("_cache_control", "_families", "_made", "_make", "_text")

    def __init__(
        self,
        made: Callable[[http.Answer], list[tuple[AnyStr, AnyStr]]],
        make: Callable[[str], AnyStr],
        text: Callable[[AnyStr], str],
    ) -> None:
        """
        Args:
            made: an answer's fields in the form that they have here.
            make, text: to that form, and back.
        """
        self._made: Callable[[http.Answer], list[tuple[AnyStr, AnyStr]]] = made
        self._make: Callable[[str], AnyStr] = make
        self._text: Callable[[AnyStr], str] = text
        self._cache_control: AnyStr = make("cache-control")
        self._families: frozenset[AnyStr] = frozenset(make(name) for name in _FAMILIES)

    def put(
        self, inner: Sequence[tuple[AnyStr, AnyStr]], answer: http.Answer, added: Iterable[tuple[str, str]]
    ) -> Sequence[tuple[AnyStr, AnyStr]]:
        """The application's fields with those of an answer in place of their like, and what is added.

        As they are where caches may give the application's answer to other clients, who would take the numbers for
        theirs.
        """
        own = self._made(answer)
        replaced = self._families
        if not answer.allowed:
            replaced = replaced.union(name.lower() for name, _ in own)
        kept = []
        for field in inner:
            name = field[0].lower()
            if name in replaced:
                continue
            if name == self._cache_control and self._is_public(field[1]):
                return inner
            kept.append(field)
        kept += own
        kept += [(self._make(name), self._make(value)) for name, value in added]
        return kept

    def as_text(self, inner: Iterable[tuple[AnyStr, AnyStr]]) -> list[tuple[str, str]]:
        """Fields as functions of users have them."""
        return [(self._text(name), self._text(value)) for name, value in inner]

    def _is_public(self, cache_control: AnyStr) -> bool:
        directives = self._text(cache_control).split(",")
        return not _PUBLIC.isdisjoint(directive.partition("=")[0].strip().lower() for directive in directives)


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _raw(answer: http.Answer) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in answer.headers]


#: As ASGI has them: bytes, names in lower case.
AS_BYTES: Fields[bytes] = Fields(_raw, _bytes, _text)
#: As WSGI has them: latin-1 text.
AS_TEXT: Fields[str] = Fields(lambda answer: answer.headers, str, str)
