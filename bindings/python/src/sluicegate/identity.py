"""Who is asking: a client's address behind any number of proxies, and the key it is counted by.

>>> from sluicegate import Limiter, identity
>>> clients = identity.Identity("10.0.0.0/8")  # the load balancer's network; made once
>>> limiter = Limiter("token-bucket 10/s")

A client has made an address up, to which the load balancer has appended the one it saw:

>>> client = clients.client("10.0.0.7", "6.6.6.6, 2001:db8::17")
>>> str(client), client.source
('2001:db8::/64', 'header')
>>> limiter.check(client.key).allowed
True

A key of several parts, none of which can pass for another:

>>> limiter.check(identity.key(client, user="ann", header=("X-Api-Key", "k1"), route="/export")).allowed
True

The header is looked at only where the peer is trusted, from the right, up to the first address that is not a trusted
proxy's. What is no address ends the way at the last good hop. IPv4-mapped IPv6 addresses are IPv4, other IPv6 ones are
cut to their /64; ports and zone ids are dropped.
"""

from __future__ import annotations

import ctypes
import ipaddress
from collections.abc import Iterable
from ctypes import byref
from typing import Final, Literal, Union

from . import _library as library
from ._errors import ArgumentError
from ._keys import Key, key_bytes, text_bytes
from ._owned import Owned

__all__ = ["Address", "Client", "Embedded", "Identity", "Networks", "Source", "key", "key_text"]

#: An address of either family.
Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
#: IPv6 addresses that count as the IPv4 address in them, beyond the IPv4-mapped ones, which always do.
Embedded = Literal["nat64", "6to4", "teredo"]
#: How a client's address was found: it is the peer's; the header has it; or the header has none there, and it is that
#: of the last good hop, which is a sign of a proxy that is set up otherwise than was said.
Source = Literal["peer", "header", "fallback"]

_EMBEDDED: dict[str, int] = {"nat64": 1, "6to4": 2, "teredo": 4}
_SOURCES: tuple[Source, ...] = ("peer", "header", "fallback")
_ADDRESS, _USER, _HEADER, _NAMED = range(4)
# What a part takes at most beyond its name and value.
_PART_MORE: Final = 21


class Client:
    """Who a request comes from. Its text is what it is counted by, for logs.

    Attributes:
        key: what the client is counted by: the key for a limiter. All that have no address have one together.
        address: the client's whole address, an IPv4-mapped one as IPv4; None where it has none (a Unix socket).
        source: how it was found.
    """

    # Most callers want the key and nothing else, for every request: the others are made when somebody asks for them.
    __slots__ = ("_found", "key")

    def __init__(self, found: library.Client) -> None:
        """From what the library has found."""
        self._found: Final = found
        self.key: Final = bytes(found)[: found.key_len]  # it is the first field

    @property
    def has_address(self) -> bool:
        """Whether it has an address."""
        return bool(self._found.address_len)

    @property
    def address(self) -> Address | None:
        found = self._found
        address = bytes(found.address[: found.address_len])
        return ipaddress.ip_address(address) if address else None

    @property
    def source(self) -> Source:
        place: int = self._found.source
        return _SOURCES[place]

    def __str__(self) -> str:
        return library.written(library.client_text, byref(self._found)).decode()

    def __repr__(self) -> str:
        return f"<sluicegate.identity.Client: {self}, by {self.source}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Client):
            return NotImplemented
        return (self.key, self.address, self.source) == (other.key, other.address, other.source)

    def __hash__(self) -> int:
        return hash((self.key, self.address, self.source))


class Identity(Owned):
    """How clients are told apart: which header names them, which proxies are believed, what of an address counts."""

    __slots__ = ("_header",)
    _library_free = staticmethod(library.identity_free)

    def __init__(
        self,
        proxies: int | str | Iterable[str] = "none",
        *,
        header: str = "X-Forwarded-For",
        ipv6_prefix: int = 64,
        ipv4_prefix: int = 32,
        embedded: Iterable[Embedded] = (),
    ) -> None:
        """Checks and keeps it.

        Args:
            proxies: the proxies that are trusted: "none", a number of hops such as 2 (right only where nobody can reach
                the server past them), or networks and addresses such as "10.0.0.0/8", of which "loopback" and
                "private" stand for several and "unix" for peers that have no address.
            header: the one header that names clients. "Forwarded" has the grammar of RFC 7239; every other is a list of
                addresses, such as "X-Real-IP".
            ipv6_prefix, ipv4_prefix: how many bits of an address count.
            embedded: which IPv6 addresses count as the IPv4 address in them.

        Raises:
            ArgumentError: one of these is wrong.
        """
        if isinstance(proxies, str):
            trusted = proxies
        elif isinstance(proxies, int):
            trusted = str(int(proxies))
        else:
            trusted = ",".join(proxies)
        options = library.IdentityOptions(
            ctypes.sizeof(library.IdentityOptions),
            text_bytes("header", header),
            text_bytes("proxies", trusted),
            _bits("ipv6_prefix", ipv6_prefix, 128),
            _bits("ipv4_prefix", ipv4_prefix, 32),
            _embedded(embedded),
        )
        made = ctypes.c_void_p()
        library.raise_for(library.identity_new(byref(options), byref(made)))
        self._own(made)
        self._header = header

    @property
    def header(self) -> str:
        """The header whose lines `client` is to be given."""
        return self._header

    def client(self, peer: str | bytes | Address | None, lines: str | bytes | Iterable[str | bytes] = ()) -> Client:
        """Who a request comes from.

        Args:
            peer: the address at the other end of the connection; None or "" where it has none (a Unix socket).
            lines: the values of all lines of the header, in the order in which they came; text counts as Latin-1, as
                HTTP servers have it. None of them is too long or too strange.

        Raises:
            ArgumentError: the peer is no address.
        """
        packed = _packed(peer)
        given = [lines] if isinstance(lines, (str, bytes)) else lines
        values = [line if isinstance(line, bytes) else line.encode("latin-1", "replace") for line in given]
        array = (library.Bytes * len(values))(*(library.Bytes(value, len(value)) for value in values))
        found = library.Client()
        library.raise_for(library.client_key(self._borrowed(), packed, len(packed), array, len(values), byref(found)))
        return Client(found)

    def __repr__(self) -> str:
        return f"<sluicegate.identity.Identity by {self._header}>"


class Networks(Owned):
    """A list of networks: of clients that no limit holds, say.

    >>> ours = Networks("192.0.2.0/24, 2001:db8:1::/48, loopback")
    >>> ours.contains("192.0.2.7"), ours.contains("::ffff:127.0.0.1"), ours.contains("203.0.113.10")
    (True, True, False)
    """

    __slots__ = ("_text",)
    _library_free = staticmethod(library.networks_free)

    def __init__(self, networks: str | Iterable[str]) -> None:
        """Checks and keeps it.

        Args:
            networks: networks and addresses, in one text with commas or blanks between them or in several; "loopback"
                and "private" stand for several and "unix" for clients that have no address.

        Raises:
            ArgumentError: one of them is none.
        """
        self._text = networks if isinstance(networks, str) else ", ".join(networks)
        made = ctypes.c_void_p()
        library.raise_for(library.networks_new(text_bytes("networks", self._text), byref(made)))
        self._own(made)

    def contains(self, address: str | bytes | Address | None) -> bool:
        """Whether an address is in one of them. An IPv4-mapped one is IPv4; None is a client without an address.

        Raises:
            ArgumentError: it is no address.
        """
        packed = _packed(address)
        contains = ctypes.c_uint32()
        library.raise_for(library.networks_contain(self._borrowed(), packed, len(packed), byref(contains)))
        return bool(contains.value)

    def __repr__(self) -> str:
        return f"Networks({self._text!r})"


def key_text(key: Key) -> str:
    """A key that `key` or `Client.key` has made as one line of printable ASCII, for logs.

    Of a header's value, which may be a secret, there is nothing but a hash that is the same as long as the process
    runs. What is not printable is escaped, and what is long is cut. Other keys are shown as bytes are, escaped and cut.

    >>> key_text(key(Identity().client("2001:db8::17"), user="ann"))
    '2001:db8::/64,user=ann'
    """
    data = key_bytes(key)
    return library.written(library.key_text, data, len(data)).decode()


def key(
    client: Client | None = None,
    *,
    user: Key | None = None,
    header: tuple[str, Key] | None = None,
    **parts: Key,
) -> bytes:
    """A key of several parts, none of which can pass for another or for two, whatever it holds.

    Args:
        client: the client's address.
        user: a user, an account, a tenant: whoever has proved to be asking.
        header: a header's name, in upper or lower case, and its value.
        parts: anything else, under its name. They stand in the order of their names.
    """
    given: list[tuple[int, bytes, bytes]] = []
    if client is not None:
        given.append((_ADDRESS, b"", client.key))
    if user is not None:
        given.append((_USER, b"", key_bytes(user)))
    if header is not None:
        given.append((_HEADER, key_bytes(header[0]), key_bytes(header[1])))
    given += [(_NAMED, name.encode(), key_bytes(value)) for name, value in sorted(parts.items())]
    array = (library.KeyPart * len(given))(
        *(library.KeyPart(kind, 0, name, len(name), value, len(value)) for kind, name, value in given)
    )
    room = sum(len(name) + len(value) + _PART_MORE for _, name, value in given)
    joined, length = ctypes.create_string_buffer(room), ctypes.c_size_t()
    library.raise_for(library.key_join(array, len(given), joined, room, byref(length)))
    return joined.raw[: length.value]


def _packed(peer: str | bytes | Address | None) -> bytes:
    if peer is None or peer == "":
        return b""
    if isinstance(peer, str):
        # A zone says by which of the server's interfaces a client came.
        peer = peer.partition("%")[0]
    try:
        return ipaddress.ip_address(peer).packed
    except ValueError:
        raise ArgumentError(f"peer is {peer!r}; it is an IP address, or None for a Unix socket") from None


def _bits(name: str, bits: int, most: int) -> int:
    if type(bits) is not int or not 1 <= bits <= most:
        raise ArgumentError(f"{name} is {bits!r}; it is a number of bits from 1 to {most}")
    return bits


def _embedded(names: Iterable[Embedded]) -> int:
    chosen = 0
    for name in [names] if isinstance(names, str) else names:
        if name not in _EMBEDDED:
            raise ArgumentError(f"embedded has {name!r}; it has some of {', '.join(map(repr, _EMBEDDED))}")
        chosen |= _EMBEDDED[name]
    return chosen
