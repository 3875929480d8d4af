"""A batch of requests in the form that the library takes in one call."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any, NamedTuple, Union

from ._keys import Key, key_bytes, whole_number

#: One request of a batch: a key, which asks for one permit, or a key and its cost.
Request = Union[Key, "tuple[Key, int]"]


class Batch(NamedTuple):
    """All keys behind one another, and what tells them apart."""

    keys: bytes
    lengths: bytes | None
    """A 64-bit length for each key; None where the keys have no zero byte and one stands between each two."""
    costs: bytes | None
    """A 64-bit cost for each request; None where each is 1."""
    count: int


def pack(requests: Iterable[Request]) -> Batch:
    """The batch of these requests."""
    if isinstance(requests, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"a batch takes many keys, and this is one {type(requests).__name__}; put it into a list")
    items: list[Any] = list(requests)
    joined = _joined(items)
    if joined is not None:
        return _batch(items, joined, None)
    keys = [item[0] if type(item) is tuple and len(item) == 2 else item for item in items]
    costs = [item[1] if type(item) is tuple and len(item) == 2 else 1 for item in items]
    joined = _joined(keys)
    if joined is None or not set(map(type, costs)) <= {int}:
        keys = [_checked(index, key, cost) for index, (key, cost) in enumerate(zip(keys, costs))]
        joined = b"\0".join(keys)
    try:
        return _batch(keys, joined, array("Q", costs).tobytes())
    except OverflowError:
        for index, (key, cost) in enumerate(zip(keys, costs)):
            _checked(index, key, cost)
        raise


def _joined(keys: list[Any]) -> bytes | None:
    """All keys with a zero byte between each two, if they are all text or all bytes: by far the fastest way."""
    try:
        return "\0".join(keys).encode("utf-8", "surrogatepass")
    except TypeError:
        pass
    try:
        return b"\0".join(keys)
    except TypeError:
        return None


def _batch(keys: list[Any], joined: bytes, costs: bytes | None) -> Batch:
    if not keys or joined.count(0) == len(keys) - 1:
        return Batch(joined, None, costs, len(keys))
    # Zero bytes in the keys themselves.
    as_bytes = [key_bytes(key) for key in keys]
    return Batch(b"".join(as_bytes), array("Q", map(len, as_bytes)).tobytes(), costs, len(keys))


def _checked(index: int, key: Key, cost: int) -> bytes:
    """The bytes of one request's key, once both parts have been found right; else an error that says which is not."""
    try:
        whole_number("cost", cost)
        return key_bytes(key)
    except (TypeError, ValueError) as error:
        raise type(error)(f"requests[{index}]: {error}") from None
