"""Objects of the library's that are freed with the Python object that stands for them."""

from __future__ import annotations

import ctypes
from typing import Any, ClassVar, NoReturn

from ._errors import ArgumentError


class Owned:
    """An object of the library's that is freed with this one. It never changes, so all threads may use it."""

    __slots__ = ("__weakref__", "_address")

    _address: int | None
    _library_free: ClassVar[Any]

    def _own(self, made: ctypes.c_void_p) -> None:
        self._address = made.value

    def _borrowed(self) -> int:
        # None where the garbage collector has taken this apart while others of its cycle still use it.
        address = self._address
        if address is None:
            raise ArgumentError(f"this {type(self).__name__} has been freed")
        return address

    def __del__(self) -> None:
        address = getattr(self, "_address", None)
        self._address = None
        if address is not None:
            type(self)._library_free(address)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"this {type(self).__name__} cannot be copied or pickled: make another")
