"""Has `requests` obey 429 and 503: it waits as long as the server says and asks again, or gives up.

>>> import requests
>>> from sluicegate.requests import ObeyAdapter, given_up
>>> session = requests.Session()
>>> adapter = ObeyAdapter()  # one for all servers
>>> session.mount("https://", adapter)
>>> session.mount("http://", adapter)

Each request waits for what its server says, in whatever header, and never less. Where it gives up, the response is the
server's own, and `given_up(response)` says why and when to come back.

What is tried again is told in `sluicegate.retry`. A body is sent again if it is in memory, or a file that can be
rewound. Timeouts hold for every single attempt, the policy's deadline for all of them together. Errors, such as a
connection that fails, are passed on. Needs `pip install sluicegate[requests]`.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import rewind_body

from ._obedience import Course, Obedience, is_small
from .retry import GiveUp, GiveUpReason, Hold, RetryIn, RetryPolicy

__all__ = ["ObeyAdapter", "given_up"]

_ATTRIBUTE = "sluicegate_given_up"


class ObeyAdapter(HTTPAdapter):
    """An adapter for `requests.Session.mount` that waits as servers say. Threads may share one.

    It is `requests`' own adapter, and takes its arguments too; its `max_retries` are for connections that fail.
    """

    def __init__(self, policy: RetryPolicy | None = None, *, hold: Hold = "retries", **adapter: Any) -> None:
        """By a policy of one's own, or the default one with a budget.

        Args:
            policy: when requests are tried again.
            hold: which of them heed what a server has said to others of this adapter: "nothing", "retries", or
                "everything" for servers that count all requests together.
            adapter: what `requests.adapters.HTTPAdapter` takes.
        """
        self._obedience = Obedience(policy, hold)
        super().__init__(**adapter)

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        """Sends a request as often as it takes. See `requests.adapters.HTTPAdapter.send`."""
        course = Course(
            self._obedience, request.method or "", _server(request.url), "Idempotency-Key" in request.headers
        )
        for pause in course.waits_at_first():
            time.sleep(pause)
        while True:
            response = super().send(request, *arguments, **options)
            fields = getattr(response.raw, "headers", response.headers)
            advice = course.advice(response.status_code, fields, body_is_gone=not _is_replayable(request))
            if not isinstance(advice, RetryIn):
                if advice.reason is not GiveUpReason.STATUS:
                    setattr(response, _ATTRIBUTE, advice)
                return response
            waits = course.waits(advice)
            _read_away(response)
            for pause in waits:
                time.sleep(pause)
            if not isinstance(request.body, (bytes, str, type(None))):
                rewind_body(request)

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("an ObeyAdapter cannot be pickled: make another")


def given_up(response: requests.Response) -> GiveUp | None:
    """Why a response that asks for a retry was passed on, and when to come back; None for one that does not."""
    found = getattr(response, _ATTRIBUTE, None)
    return found if isinstance(found, GiveUp) else None


def _server(url: str | None) -> str:
    parts = urlsplit(url or "")
    return f"{parts.scheme}://{parts.hostname}:{parts.port or ''}"


def _is_replayable(request: requests.PreparedRequest) -> bool:
    if isinstance(request.body, (bytes, str, type(None))):
        return True
    return isinstance(getattr(request, "_body_position", None), int)


def _read_away(response: requests.Response) -> None:
    """Reads what is left of a response, if that is little, so that its connection can be used again."""
    try:
        if is_small(response.headers.get("Content-Length")):
            response.content  # noqa: B018 (reads it)
    except requests.RequestException:
        pass  # whatever is wrong with the body, nobody asked for it
    finally:
        response.close()
