"""A batch of requests in the form that the library takes in one call."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any, NamedTuple, Union

from ._keys import Key, key_bytes, whole_number

#: One request of a batch: a key, which asks for one permit, or a key and its cost.
Request = Union[Key, "tuple[Key, int]"]


class Batch(NamedTuple):
    """All keys behind one another with a zero byte between each two, and what each request takes."""

    keys: list[Any]
    joined: bytes
    costs: bytes | None
    """A 64-bit cost for each request; None where each is 1."""

    def apart(self) -> tuple[bytes, bytes]:
        """All keys behind one another, and a 64-bit length for each: for keys that have zero bytes themselves."""
        keys = [key_bytes(key) for key in self.keys]
        return b"".join(keys), array("Q", map(len, keys)).tobytes()


def pack(requests: Iterable[Request]) -> Batch:
    """The batch of these requests."""
    if isinstance(requests, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"a batch takes many keys, and this is one {type(requests).__name__}; put it into a list")
    items: list[Any] = list(requests)
    joined = _joined(items)
    if joined is not None:
        return Batch(items, joined, None)
    pairs: list[tuple[Any, Any]] = [_pair(item) for item in items]
    keys = [key for key, _ in pairs]
    joined = _joined(keys)
    if joined is None:
        keys = [_checked(index, *pair) for index, pair in enumerate(pairs)]
        joined = b"\0".join(keys)
    return Batch(keys, joined, _costs(pairs))


def _pair(item: Any) -> tuple[Any, Any]:
    return item if isinstance(item, tuple) and len(item) == 2 else (item, 1)


def _costs(pairs: list[tuple[Any, Any]]) -> bytes:
    costs = [cost for _, cost in pairs]
    if set(map(type, costs)) <= {int}:
        try:
            return array("Q", costs).tobytes()
        except OverflowError:
            pass
    for index, pair in enumerate(pairs):
        _checked(index, *pair)
    raise AssertionError("costs that are right do not fit")


def _joined(keys: list[Any]) -> bytes | None:
    """All keys with a zero byte between each two, if they are all text or all bytes: by far the fastest way."""
    try:
        return "\0".join(keys).encode("utf-8", "surrogatepass")
    except TypeError:
        pass
    try:
        return b"\0".join(keys)
    except (TypeError, BufferError):  # a memoryview with gaps is a BufferError, and a key all the same
        return None


def _checked(index: int, key: Any, cost: Any) -> bytes:
    """The bytes of one request's key, once both parts have been found right; else an error that says which is not."""
    try:
        whole_number("cost", cost)
        return key_bytes(key)
    except (TypeError, ValueError) as error:
        raise type(error)(f"requests[{index}]: {error}") from None
