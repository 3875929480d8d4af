"""Keys and costs as callers have them, checked and turned into what the library takes."""

from __future__ import annotations

from typing import Union

from ._errors import ArgumentError

#: Who asks: text stands for its UTF-8 bytes; any other bytes-like object for its bytes.
Key = Union[str, bytes, bytearray, memoryview]

_MAX_UINT64 = 2**64 - 1


def key_bytes(key: Key) -> bytes:
    """The bytes of a key.

    Text may hold surrogates (as `os.fsdecode` and JSON make them): each becomes the three bytes that its code point
    has in UTF-8's scheme, so that two different texts are never one key.
    """
    if isinstance(key, str):
        return str.encode(key, "utf-8", "surrogatepass")
    if isinstance(key, bytes):
        return memoryview(key).tobytes()
    try:
        return memoryview(key).tobytes()
    except TypeError:
        raise TypeError(f"a key must be str or bytes, not {type(key).__name__}") from None


def whole_number(name: str, value: int) -> int:
    """`value` if it is a whole number that 64 bits hold, such as a cost or a time in nanoseconds."""
    if type(value) is not int:  # not isinstance: True is an int, and never a cost
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if not 0 <= value <= _MAX_UINT64:
        raise ValueError(f"{name} is {value}; it must be from 0 to 2**64 - 1")
    return value


def text_bytes(name: str, text: object) -> bytes:
    """The bytes of a text for the library, which ends it at a zero."""
    if not isinstance(text, str):
        raise TypeError(f"{name} must be str, not {type(text).__name__}")
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise ArgumentError(f"{name} {text!r}: character {error.start + 1} is a lone surrogate") from None
    if "\0" in text:
        raise ArgumentError(f"{name} {text!r}: there is a zero byte in it")
    return encoded
