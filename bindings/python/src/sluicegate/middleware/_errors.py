"""Why a request cannot be counted. The middleware turns these into answers; they are not raised at callers."""

from __future__ import annotations

import re


class NoAddress(Exception):
    """Nobody has told the address of the client, which is the server's fault and not the client's."""

    def __init__(self, peer: str | None) -> None:
        super().__init__(peer)
        self.peer = peer

    def __str__(self) -> str:
        told = "no address" if not self.peer else f"{re.sub(r'[^ -~]', '?', self.peer)[:64]!r}, which is no IP address"
        return (
            f"the client's address is not known: the server tells {told} for the peer. Behind a proxy that connects "
            'by a Unix socket say proxies=1 or proxies="unix"; else tell the address by peer=. Starlette\'s TestClient '
            'takes client=("127.0.0.1", 50000).'
        )


class MissingKey(Exception):
    """A request has nothing to be counted by, and is to be denied for that."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
