"""An embeddable rate limiter: four exact algorithms over a bounded lock-free table.

>>> from sluicegate import Limiter
>>> limiter = Limiter("token-bucket 100/s burst=200")
>>> decision = limiter.check("203.0.113.10")
>>> if not decision:
...     print("429 Too Many Requests, Retry-After:", decision.retry_after)
"""

from __future__ import annotations

from . import _library, http, identity, retry
from ._batch import Request
from ._check_all import Charge, check_all
from ._clock import ManualClock
from ._decision import Decision, Decisions, Reason
from ._errors import (
    ArgumentError,
    ClosedError,
    InternalError,
    OutOfMemoryError,
    PolicyError,
    RateLimited,
    SluicegateError,
    SluicegateOSError,
    TableFormatError,
    TableMismatchError,
)
from ._guard import Guard
from ._keys import Key
from ._limiter import DEFAULT_MAX_KEYS, Clock, Limiter, OnFull, Stats

__all__ = [
    "DEFAULT_MAX_KEYS",
    "ArgumentError",
    "Charge",
    "Clock",
    "ClosedError",
    "Decision",
    "Decisions",
    "Guard",
    "InternalError",
    "Key",
    "Limiter",
    "ManualClock",
    "OnFull",
    "OutOfMemoryError",
    "PolicyError",
    "RateLimited",
    "Reason",
    "Request",
    "SluicegateError",
    "SluicegateOSError",
    "Stats",
    "TableFormatError",
    "TableMismatchError",
    "__version__",
    "check_all",
    "http",
    "identity",
    "retry",
]

__version__ = "0.1.0"

_library_version = _library.version().decode()
if _library_version != __version__:
    raise ImportError(
        f"sluicegate {__version__} has found a library of version {_library_version} beside it; reinstall the package"
    )
