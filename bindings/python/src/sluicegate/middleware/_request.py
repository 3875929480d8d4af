"""The head of a request, the same for all kinds of servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union

from ._errors import NoAddress

if TYPE_CHECKING:
    from ..identity import Client
    from ._rules import Rules

#: A line of a header as the server has it: bytes in ASGI, latin-1 text in WSGI.
Line = Union[bytes, str]


class Request:
    """The head of a request: what routes, keys, costs and exemptions are found by.

    What is not asked for is not worked out. Nothing here reads the body.

    Attributes:
        native: the request as the server or framework has it: the ASGI scope, the WSGI environ, Django's `HttpRequest`.
        method: such as "GET", which is also a websocket's.
    """

    __slots__ = ("_client", "_matched_path", "_rules", "method", "native")

    #: What `matched_path` is before anybody has asked for it; None is an answer.
    _UNASKED = object()

    native: Any
    method: str

    def __init__(self, rules: Rules, native: Any, method: str) -> None:
        self._rules = rules
        self.native = native
        self.method = method
        self._client: Client | None = None
        self._matched_path: object = self._UNASKED

    @property
    def path(self) -> str:
        """The path that the application routes by: decoded, and without the prefix at which it is mounted."""
        raise NotImplementedError

    def header(self, name: str) -> str | None:
        """A header's value, as latin-1 text; of several lines all, with commas between; None where there is none."""
        raise NotImplementedError

    def _lines(self, name: str) -> Sequence[Line]:
        """All lines of a header whose name is in lower case, in their order."""
        raise NotImplementedError

    def _peer(self) -> str | None:
        """The address at the other end of the connection, as the server tells it."""
        raise NotImplementedError

    def _user(self) -> str | int | None:
        """Whom the authentication before has found to be asking."""
        raise NotImplementedError

    def _pattern(self) -> str | None:
        """The framework's pattern of the route that the request takes."""
        raise NotImplementedError

    @property
    def matched_path(self) -> str | None:
        """The framework's pattern of the request's route, such as "/items/{id}"; None where there is none."""
        if self._matched_path is self._UNASKED:
            find = self._rules.matched_path
            self._matched_path = self._pattern() if find is None else find(self)
        return self._matched_path  # type: ignore[return-value]

    @property
    def user(self) -> str | int | None:
        """Whom the authentication before the middleware has found to be asking; None where nobody has been found.

        That is Starlette's `scope["user"]`, WSGI's `REMOTE_USER` and Django's `request.user`.
        """
        return self._user()

    @property
    def peer(self) -> str | None:
        """The address at the other end of the connection; None where it has none, as that of a Unix socket."""
        find = self._rules.peer
        return self._peer() if find is None else find(self)

    @property
    def client(self) -> Client:
        """Who is asking, found by the middleware's identity; without an address where nobody has told it.

        Raises:
            NoAddress: what the server tells for the peer's address is none.
        """
        client = self._client
        if client is None:
            rules = self._rules
            header = rules.forwarding_header
            lines = () if header is None else tuple(self._lines(header))
            self._client = client = rules.client(self.peer, lines)
        return client

    def _address_key(self) -> bytes:
        """What the client's address is counted by; `NoAddress` where nobody has told it."""
        client = self.client
        if not client.has_address:
            raise NoAddress(self.peer)
        return client.key

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.method} {self.path!r}>"
