"""What a limit counts by.

>>> from sluicegate.middleware import Limit, keys
>>> per_address = Limit("burst", "token-bucket 10/s burst=20")  # keys.address unless said
>>> per_key = Limit("plan", "fixed-window 5000/1h", key=keys.header("X-Api-Key", missing="deny"))
>>> per_user_and_route = Limit("route", "fixed-window 60/1m", key=(keys.user(missing="address"), keys.route))

What a client sends need not be there, so whoever counts by it must say what happens then. `missing` is one of:

* "skip": the limit does not hold the request;
* "deny": the request is denied, with the middleware's `missing_status`;
* "address": the request is counted by the client's address instead.

Keys of different kinds never meet, whatever clients send.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Callable, Literal, Union

from .. import identity
from .._errors import ArgumentError
from .._keys import Key
from ._checks import plain_function
from ._errors import MissingKey
from ._request import Request

__all__ = ["KeySource", "KeyValue", "Missing", "address", "function", "header", "route", "shared", "user"]

#: What happens to a request that has no key.
Missing = Literal["skip", "deny", "address"]
#: What a function may tell as a key; None and what is empty are missing.
KeyValue = Union[Key, int, None]

# So many keys are remembered, unless they are long.
_KEYS = 1024
_LONG = 256

_MISSING = ("skip", "deny", "address")


class KeySource:
    """Where a limit's key comes from. The names of this module make them; several in a tuple make a compound."""

    __slots__ = ()

    @property
    def asks_for_the_user(self) -> bool:
        """Whether `Request.user` is read: a framework may have to load it before."""
        return False

    def key(self, request: Request) -> bytes | None:
        """The key of a request; None if the limit does not hold it."""
        raise NotImplementedError


def _part(name: str, value: Key) -> bytes:
    """A key of one part: the user, or something else under a name."""
    if type(value) is str and len(value) < _LONG:
        return _part_again(name, value)
    parts: dict[str, Any] = {name: value}
    return identity.key(**parts)


@lru_cache(_KEYS)
def _part_again(name: str, value: str) -> bytes:
    parts: dict[str, Any] = {name: value}
    return identity.key(**parts)


def _header_part(name: str, value: bytes) -> bytes:
    return _header_part_again(name, value) if len(value) < _LONG else identity.key(header=(name, value))


@lru_cache(_KEYS)
def _header_part_again(name: str, value: bytes) -> bytes:
    return identity.key(header=(name, value))


class _Address(KeySource):
    __slots__ = ()

    def key(self, request: Request) -> bytes | None:
        return request._address_key()


class _Shared(KeySource):
    __slots__ = ()

    def key(self, request: Request) -> bytes | None:
        return b""


class _Route(KeySource):
    __slots__ = ()

    def key(self, request: Request) -> bytes | None:
        return _part("route", request.matched_path or "")


#: By the client's address.
address: KeySource = _Address()
#: One budget for all.
shared: KeySource = _Shared()
#: By the framework's pattern of the route. All requests for which there is none share one budget.
route: KeySource = _Route()


class _MayBeMissing(KeySource):
    """What a request need not have."""

    __slots__ = ("_missing", "_what")

    def __init__(self, what: str, missing: Missing) -> None:
        if missing not in _MISSING:
            choices = ", ".join(map(repr, _MISSING))
            raise ArgumentError(f"missing is {missing!r}; for a key by {what} it must be {choices}")
        self._what = what
        self._missing = missing

    def _value(self, request: Request) -> KeyValue:
        raise NotImplementedError

    def _part(self, value: Key) -> bytes:
        raise NotImplementedError

    def key(self, request: Request) -> bytes | None:
        value = self._value(request)
        if type(value) is int:  # 0 is somebody
            value = str(value)
        if not value:
            return self._none(request)
        assert not isinstance(value, int)
        return self._part(value)

    def _none(self, request: Request) -> bytes | None:
        if self._missing == "skip":
            return None
        if self._missing == "address":
            return request._address_key()
        raise MissingKey(self._what)


class _Header(_MayBeMissing):
    __slots__ = ("_name",)

    def __init__(self, name: str, missing: Missing) -> None:
        if (
            not isinstance(name, str)
            or not name
            or not name.isascii()
            or not name.replace("-", "").replace("_", "").isalnum()
        ):
            raise ArgumentError(f"header {name!r}: it must be a header's name, such as 'X-Api-Key'")
        super().__init__(f"the header {name}", missing)
        self._name = name.lower()

    def _value(self, request: Request) -> KeyValue:
        return request.header(self._name)

    def _part(self, value: Key) -> bytes:
        assert isinstance(value, str)
        return _header_part(self._name, value.encode("latin-1", "replace"))


class _User(_MayBeMissing):
    __slots__ = ("_of",)

    def __init__(self, of: Callable[[Request], KeyValue] | None, missing: Missing) -> None:
        super().__init__("user", missing)
        self._of = None if of is None else plain_function("of", of)

    @property
    def asks_for_the_user(self) -> bool:
        return self._of is None

    def _value(self, request: Request) -> KeyValue:
        return request.user if self._of is None else self._of(request)

    def _part(self, value: Key) -> bytes:
        return _part("user", value)


class _Function(_MayBeMissing):
    __slots__ = ("_name", "_of")

    def __init__(self, of: Callable[[Request], KeyValue], name: str, missing: Missing) -> None:
        super().__init__(f"function ({name})", missing)
        if not isinstance(name, str) or name in ("", "client", "header", "user"):
            raise ArgumentError(f"name is {name!r}; it must say what the key is, and is no client, header or user")
        self._name = name
        self._of = plain_function("of", of)

    def _value(self, request: Request) -> KeyValue:
        return self._of(request)

    def _part(self, value: Key) -> bytes:
        return _part(self._name, value)


class _Compound(KeySource):
    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[KeySource]) -> None:
        self._parts = tuple(parts)

    @property
    def asks_for_the_user(self) -> bool:
        return any(part.asks_for_the_user for part in self._parts)

    def key(self, request: Request) -> bytes | None:
        found = []
        for part in self._parts:
            key = part.key(request)
            if key is None:
                return None
            found.append(key)
        return b"".join(found)  # each part shows by itself where it ends


def header(name: str, *, missing: Missing) -> KeySource:
    """By the value of a header, such as an API key; an empty one is missing.

    A value that nobody has verified is a weak key: who sends another each time is never limited. Have a limit by
    address beside it.
    """
    return _Header(name, missing)


def user(of: Callable[[Request], KeyValue] | None = None, *, missing: Missing) -> KeySource:
    """By the user that the authentication before the middleware has found, or that `of` finds."""
    return _User(of, missing)


def function(of: Callable[[Request], KeyValue], *, missing: Missing, name: str = "key") -> KeySource:
    """By what a plain function tells of the request. `name` says in events what it is."""
    return _Function(of, name, missing)


def key_source(key: Any) -> KeySource:
    """What `key=` of a limit stands for."""
    if isinstance(key, KeySource):
        return key
    if isinstance(key, (tuple, list)) and key:
        return _Compound([key_source(part) for part in key])
    if callable(key):
        raise TypeError(
            'a function needs a word on what happens when it finds no key: keys.function(f, missing="deny")'
        )
    raise TypeError(f"key must be of sluicegate.middleware.keys, or several of them in a tuple, not {key!r}")
