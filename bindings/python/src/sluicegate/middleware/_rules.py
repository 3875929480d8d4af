"""Everything that a middleware was told, checked once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Callable, Literal, TypedDict, Union

from .. import http
from .._errors import ArgumentError
from ..identity import Client, Identity, Networks
from ._checks import optional_function, plain_function, status_of_error, texts, truth
from ._denial import Denial
from ._errors import NoAddress
from ._events import Event, Hook
from ._limit import Limit, Limits, limits_of, one_requests
from ._request import Line, Request
from ._route import OneOrMore, Route

#: Trusted proxies: how many, or their networks, as of `sluicegate.identity.Identity`.
Proxies = Union[int, str, Sequence[str]]
#: Routes in order, each with its limits.
Routes = Iterable["tuple[Route, Limits]"]
#: Formats of bodies: "accept" for whatever the request's `Accept` prefers, one format, or those on offer.
Body = Union[Literal["accept"], http.BodyFormat, Sequence[http.BodyFormat]]

# So many clients are remembered, unless what tells of them is long.
_CLIENTS = 4096
_LONG = 256

_EXPOSE = "Access-Control-Expose-Headers"


class Options(TypedDict, total=False):
    """What a middleware may be told beside its limits. All functions are plain ones, and must be quick.

    Who is asking:

    * `proxies`: trusted proxies in front: how many, or their networks ("10.0.0.0/8, loopback"). None unless said.
    * `identity`: all of who is asking, in place of `proxies`: an `Identity`.
    * `peer`: the address at the other end of the connection, as a function of the request. Unless said, what the server
      tells.
    * `matched_path`: the framework's pattern of a request's route, as a function of the request.

    What is not held to limits, and gets no header fields:

    * `exempt_path`: whole paths, such as "/health".
    * `exempt_networks`: clients' networks, in the words of `proxies`.
    * `exempt_when`: a function of the request.

    What happens:

    * `missing_status`: the status where `missing="deny"`; 403 unless said.
    * `dry_run`: whether all limits are only tried.
    * `delay`: whether a leaky bucket's requests are held so that they leave at its rate. Unless said, they are in
    ASGI and
      in Django's async mode; elsewhere a request that is held would hold its thread.

    What clients are told:

    * `settings`: an `http.Settings`: the families of header fields, the code, the message.
    * `body`: "accept" (the default): what the request's `Accept` prefers; one format for all; or those on offer, in a
    list.
    * `map_denial`: is given an event and the ready `Denial`, and may change it or return another.
    * `headers_on_redirects`: whether answers from 300 to 399 have the fields too.
    * `expose_headers`: whether `Access-Control-Expose-Headers` names the fields to scripts of other origins.

    Who is told:

    * `on_decision`: called with an `Event` for each decision.
    * `on_denial`: called with an `Event` for each denial, and for each that would be one but for a dry run.
    """

    proxies: Proxies | None
    identity: Identity | None
    peer: Callable[[Request], str | None] | None
    matched_path: Callable[[Request], str | None] | None
    exempt_path: OneOrMore
    exempt_networks: OneOrMore
    exempt_when: Callable[[Request], bool] | None
    missing_status: int
    dry_run: bool
    delay: bool | None
    settings: http.Settings | None
    body: Body
    map_denial: Callable[[Event, Denial], Denial | None] | None
    on_decision: Hook | None
    on_denial: Hook | None
    headers_on_redirects: bool
    expose_headers: bool


class Rules:
    """What a middleware was told, checked; shared by all its requests and never changed."""

    def __init__(
        self,
        limits: Limits,
        routes: Routes,
        *,
        delays_unless_said: bool,
        proxies: Proxies | None = None,
        identity: Identity | None = None,
        peer: Callable[[Request], str | None] | None = None,
        matched_path: Callable[[Request], str | None] | None = None,
        exempt_path: OneOrMore = None,
        exempt_networks: OneOrMore = None,
        exempt_when: Callable[[Request], bool] | None = None,
        missing_status: int = 403,
        dry_run: bool = False,
        delay: bool | None = None,
        settings: http.Settings | None = None,
        body: Body = "accept",
        map_denial: Callable[[Event, Denial], Denial | None] | None = None,
        on_decision: Hook | None = None,
        on_denial: Hook | None = None,
        headers_on_redirects: bool = False,
        expose_headers: bool = False,
    ) -> None:
        if proxies is not None and identity is not None:
            raise ArgumentError("proxies and identity are both given; put the proxies into the Identity")
        self.identity = identity if identity is not None else Identity("none" if proxies is None else proxies)
        trusts_nobody = identity is None and proxies in (None, 0, "none")
        #: The header that names clients, in lower case; None where it is never looked at.
        self.forwarding_header = None if trusts_nobody else self.identity.header.lower()
        self._client_again = lru_cache(_CLIENTS)(self._client)
        self.peer = optional_function("peer", peer)
        self.matched_path = optional_function("matched_path", matched_path)
        self.limits = limits_of(limits)
        self.routes = _routes(routes, self.limits)
        self._exempt_paths = frozenset(texts("exempt_path", exempt_path))  # type: ignore[arg-type]
        self._exempt_networks = Networks(exempt_networks) if exempt_networks else None
        self._exempt_when = optional_function("exempt_when", exempt_when)
        self.may_exempt = bool(self._exempt_paths or exempt_networks or exempt_when)
        self.missing_status = status_of_error("missing_status", missing_status)
        self.dry_run = truth("dry_run", dry_run)
        self.delay = delays_unless_said if delay is None else truth("delay", delay)
        self.settings = settings if settings is not None else http.Settings()
        self.offered = _offered(body)
        self.map_denial = None if map_denial is None else plain_function("map_denial", map_denial)
        self.on_decision = optional_function("on_decision", on_decision)
        self.on_denial = optional_function("on_denial", on_denial)
        self.has_hooks = on_decision is not None or on_denial is not None
        self.headers_on_redirects = truth("headers_on_redirects", headers_on_redirects)
        self.exposed = (
            [(_EXPOSE, http.expose_headers(self.settings.families))] if truth("expose_headers", expose_headers) else []
        )

    def client(self, peer: str | None, lines: tuple[Line, ...]) -> Client:
        """Who a request comes from. Most come from whom some have come from already."""
        if sum(map(len, lines)) > _LONG:
            return self._client(peer, lines)
        return self._client_again(peer, lines)

    def _client(self, peer: str | None, lines: tuple[Line, ...]) -> Client:
        try:
            return self.identity.client(peer, lines)
        except ArgumentError:
            raise NoAddress(peer) from None

    def exempts(self, request: Request) -> bool:
        """Whether no limit holds a request."""
        if self._exempt_paths and request.path in self._exempt_paths:
            return True
        if self._exempt_networks is not None and self._is_in_them(self._exempt_networks, request):
            return True
        return self._exempt_when is not None and bool(self._exempt_when(request))

    @staticmethod
    def _is_in_them(networks: Networks, request: Request) -> bool:
        try:
            return networks.contains(request.client.address)
        except NoAddress:
            return False

    def limits_for(self, request: Request) -> tuple[Route | None, tuple[Limit, ...]]:
        """The first route that a request matches, and the limits that hold it."""
        for route, limits in self.routes:
            if route.matches(request):
                return route, limits
        return None, self.limits


def _offered(body: Any) -> list[http.BodyFormat]:
    """The formats on offer; none for all."""
    if body == "accept":
        return []
    several: list[Any] = [body] if isinstance(body, str) else list(body)
    http.body_format(None, several)  # refuses what is none
    return several


def _routes(routes: Any, general: tuple[Limit, ...]) -> list[tuple[Route, tuple[Limit, ...]]]:
    """The routes, each with all limits of its requests."""
    found = []
    for place, pair in enumerate(routes):
        try:
            route, given = pair
        except (TypeError, ValueError):
            route = None
        if not isinstance(route, Route):
            raise TypeError(f"routes[{place}] must be a pair of a Route and its limits, not {pair!r}")
        own = limits_of(given)
        limits = (*general, *(limit for limit in own if limit not in general))
        one_requests(limits)
        found.append((route, limits))
    return found
