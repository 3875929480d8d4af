"""Limits on the requests of a web application: what all kinds of servers have in common.

The middleware itself is in `sluicegate.asgi` and `sluicegate.wsgi`, `sluicegate.flask` and `sluicegate.django`; limits
of single views are in `sluicegate.starlette` (and FastAPI), `sluicegate.flask` and `sluicegate.django`.
"""

from __future__ import annotations

from . import keys
from ._denial import Denial
from ._events import Answer, Event, Hook, Verdict
from ._limit import Limit, Response, skip_failed, skip_successful
from ._request import Request
from ._route import Route
from ._rules import Options

__all__ = [
    "Answer",
    "Denial",
    "Event",
    "Hook",
    "Limit",
    "Options",
    "Request",
    "Response",
    "Route",
    "Verdict",
    "keys",
    "skip_failed",
    "skip_successful",
]
