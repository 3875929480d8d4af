"""Answers to requests that are not allowed, ready to be sent."""

from __future__ import annotations

from http import HTTPStatus

_TEXT = "text/plain; charset=utf-8"


class Denial:
    """The answer to a request that is not allowed. `map_denial` may change it, or return another.

    Attributes:
        status: its status.
        headers: its header fields but for `Content-Length`, which is the body's: names and latin-1 values.
        body: its body; not sent to HEAD.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @classmethod
    def saying(cls, status: int, text: str) -> Denial:
        """One that has nothing to do with a limit's numbers."""
        return cls(status, [("Content-Type", _TEXT), ("Cache-Control", "no-store")], f"{text}\n".encode())

    @property
    def reason_phrase(self) -> str:
        """The phrase that belongs to the status."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Too Many Requests"

    def complete_headers(self) -> list[tuple[str, str]]:
        """All header fields."""
        return [*self.headers, ("Content-Length", str(len(self.body)))]

    def __repr__(self) -> str:
        return f"<Denial {self.status} {self.headers!r}>"
