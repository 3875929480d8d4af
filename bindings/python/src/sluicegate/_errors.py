"""What can go wrong, as exceptions that carry the library's own text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._decision import Decision
    from ._keys import Key


class SluicegateError(Exception):
    """Whatever this package raises by itself. The text is the library's: what was wrong, where, what would be right."""


class PolicyError(SluicegateError, ValueError):
    """The text of a policy is wrong, or its numbers are out of range."""


class ArgumentError(SluicegateError, ValueError):
    """An argument is out of its range."""


class OutOfMemoryError(SluicegateError, MemoryError):
    """There is no memory for a table of so many keys."""


class SluicegateOSError(SluicegateError, OSError):
    """The operating system refused something: a table's file, or random bytes for a table's secret seed."""


class TableFormatError(SluicegateError, ValueError):
    """A file is no table of this format, is damaged, or belongs to a stranger. It was left as it was."""


class TableMismatchError(SluicegateError, ValueError):
    """A shared table has another policy, or room for other numbers of keys. It was left as it was."""


class InternalError(SluicegateError, RuntimeError):
    """A bug in the library. The limiter remains usable."""


class ClosedError(SluicegateError, ValueError):
    """The limiter has been closed."""


class RateLimited(SluicegateError):
    """A request is over the limit: raised by what `Limiter.limit` guards.

    Has no part in `Limiter.check`, which returns its denials.
    """

    decision: Decision
    """The denial."""
    key: Key
    """Who asked."""

    def __init__(self, decision: Decision, key: Key) -> None:
        super().__init__(decision, key)
        self.decision = decision
        self.key = key

    @property
    def retry_after(self) -> float | None:
        """Seconds until the same request would be admitted; None where waiting cannot help."""
        return self.decision.retry_after

    def __str__(self) -> str:
        wait = self.retry_after
        cure = "waiting cannot help" if wait is None else f"retry after {wait:.9g} s"
        return f"{self.key!r} is over its limit of {self.decision.limit} ({self.decision.reason}); {cure}"


#: The exception for each status below 0 of the C interface.
BY_STATUS: dict[int, type[SluicegateError]] = {
    -1: ArgumentError,
    -2: PolicyError,
    -3: SluicegateOSError,
    -4: TableFormatError,
    -5: TableMismatchError,
    -7: OutOfMemoryError,
    -8: InternalError,
}
