"""Has `httpx` obey 429 and 503: it waits as long as the server says and asks again, or gives up.

>>> import httpx
>>> from sluicegate.httpx import AsyncObeyTransport, ObeyTransport, given_up
>>> client = httpx.Client(transport=ObeyTransport())
>>> async_client = httpx.AsyncClient(transport=AsyncObeyTransport())  # with asyncio or trio

Each request waits for what its server says, in whatever header, and never less. Where it gives up, the response is the
server's own, and `given_up(response)` says why and when to come back.

What is tried again is told in `sluicegate.retry`. A body is sent again if it is in memory. Timeouts hold for every
single attempt, the policy's deadline for all of them together. Errors, such as a connection that fails, are passed on.
Needs `pip install sluicegate[httpx]`.
"""

from __future__ import annotations

import time
from types import TracebackType

import anyio
import httpx

from ._obedience import Course, Obedience, is_small
from .retry import Advice, GiveUp, GiveUpReason, Hold, RetryIn, RetryPolicy

__all__ = ["AsyncObeyTransport", "ObeyTransport", "given_up"]

_EXTENSION = "sluicegate_given_up"


class ObeyTransport(httpx.BaseTransport):
    """A transport for `httpx.Client` that waits as servers say, around another one. Threads may share one."""

    def __init__(
        self,
        transport: httpx.BaseTransport | None = None,
        *,
        policy: RetryPolicy | None = None,
        hold: Hold = "retries",
    ) -> None:
        """Around a transport, or `httpx`'s own.

        Args:
            transport: what sends the requests.
            policy: when they are tried again; None for the default with a budget.
            hold: which of them heed what a server has said to others of this transport: "nothing", "retries", or
                "everything" for servers that count all requests together.
        """
        self._obedience = Obedience(policy, hold)
        self._transport = httpx.HTTPTransport() if transport is None else transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request as often as it takes."""
        course = _course(self._obedience, request)
        for pause in course.waits_at_first():
            time.sleep(pause)
        while True:
            response = self._transport.handle_request(request)
            advice = _advice(course, request, response)
            if not isinstance(advice, RetryIn):
                return response
            waits = course.waits(advice)
            try:
                if is_small(response.headers.get("Content-Length")):
                    response.read()
            except httpx.HTTPError:
                pass  # whatever is wrong with the body, nobody asked for it
            finally:
                response.close()
            for pause in waits:
                time.sleep(pause)

    def close(self) -> None:
        """Closes the transport that sends the requests."""
        self._transport.close()

    def __enter__(self) -> ObeyTransport:
        self._transport.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._transport.__exit__(exc_type, exc_value, traceback)


class AsyncObeyTransport(httpx.AsyncBaseTransport):
    """A transport for `httpx.AsyncClient` that waits as servers say, around another one. Tasks may share one."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        policy: RetryPolicy | None = None,
        hold: Hold = "retries",
    ) -> None:
        """As for `ObeyTransport`."""
        self._obedience = Obedience(policy, hold)
        self._transport = httpx.AsyncHTTPTransport() if transport is None else transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request as often as it takes. Cancelling the task ends it at once."""
        course = _course(self._obedience, request)
        for pause in course.waits_at_first():
            await anyio.sleep(pause)
        while True:
            response = await self._transport.handle_async_request(request)
            advice = _advice(course, request, response)
            if not isinstance(advice, RetryIn):
                return response
            waits = course.waits(advice)
            try:
                if is_small(response.headers.get("Content-Length")):
                    await response.aread()
            except httpx.HTTPError:
                pass  # as above
            finally:
                await response.aclose()
            for pause in waits:
                await anyio.sleep(pause)

    async def aclose(self) -> None:
        """Closes the transport that sends the requests."""
        await self._transport.aclose()

    async def __aenter__(self) -> AsyncObeyTransport:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._transport.__aexit__(exc_type, exc_value, traceback)


def given_up(response: httpx.Response) -> GiveUp | None:
    """Why a response that asks for a retry was passed on, and when to come back; None for one that does not."""
    found = response.extensions.get(_EXTENSION)
    return found if isinstance(found, GiveUp) else None


def _course(obedience: Obedience, request: httpx.Request) -> Course:
    server = f"{request.url.scheme}://{request.url.netloc.decode('ascii', 'replace')}"
    return Course(obedience, request.method, server, "Idempotency-Key" in request.headers)


def _advice(course: Course, request: httpx.Request, response: httpx.Response) -> Advice:
    is_in_memory = isinstance(request.stream, httpx.ByteStream)
    advice = course.advice(response.status_code, response.headers.raw, body_is_gone=not is_in_memory)
    if isinstance(advice, GiveUp) and advice.reason is not GiveUpReason.STATUS:
        response.extensions[_EXTENSION] = advice
    return advice
