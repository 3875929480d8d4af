"""HTTP answers from decisions: status, header fields and bodies. No framework needed.

>>> from sluicegate import Limiter, http
>>> limiter = Limiter("fixed-window 100/1h")
>>> quota = http.Quota("hourly", limiter)  # once, with the limiter
>>> now = 1_795_305_600_000_000_000  # for each request: limiter.now_ns()
>>> decision = limiter.check_at("203.0.113.10", 1, now)
>>> answer = http.Answer(http.Verdict(quota, decision), now_ns=now)
>>> answer.status, answer.headers[-1]
(200, ('RateLimit', '"hourly";r=99;t=3600'))

Where the request is denied, the answer has a body too:

>>> decision = limiter.check_at("203.0.113.10", 100, now)
>>> answer = http.Answer(http.Verdict(quota, decision, cost=100), now_ns=now)
>>> answer.status, answer.retry_after, dict(answer.headers)["Retry-After"]
(429, 3600, '3600')
>>> answer.body("text").content
b'429 Too Many Requests\\nYou have sent more requests than the limit allows. Try again in 1 hour.\\n'
>>> answer.body(http.body_format("text/html,*/*;q=0.8")).content_type
'text/html; charset=utf-8'

`Retry-After` is true: a client that waits as many seconds is admitted, if nobody else asks for its keys meanwhile.
Names and texts are checked when they are given and escaped for their place, so no header is split and no markup
injected.
"""

from __future__ import annotations

import ctypes
import struct
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from ctypes import byref
from typing import Any, Final, Literal, NamedTuple

from . import _library as library
from ._decision import Decision
from ._errors import ArgumentError
from ._keys import Key, key_bytes, text_bytes, whole_number
from ._limiter import Limiter
from ._owned import Owned

__all__ = [
    "Answer",
    "Body",
    "BodyFormat",
    "Family",
    "Quota",
    "RetryAfterForm",
    "Settings",
    "Verdict",
    "body_format",
    "expose_headers",
    "header_lines",
]

#: A family of rate limit header fields: `X-RateLimit-*`, the newest IETF draft's, or one of two older drafts'. "mixed"
#: says that two drafts on one answer are meant.
Family = Literal["x-ratelimit", "ietf", "draft-06", "draft-07", "mixed"]
#: How `Retry-After` tells the time.
RetryAfterForm = Literal["seconds", "http-date"]
#: A body of a denial: JSON with `reset` in Unix seconds, JSON with `resetAt` by RFC 3339, problem details by RFC 9457,
#: a page for people, or text.
BodyFormat = Literal["json", "json-reset-at", "problem", "html", "text"]

DEFAULT_FAMILIES: Final = ("x-ratelimit", "ietf")

_FAMILIES: dict[str, int] = {"x-ratelimit": 1, "ietf": 2, "draft-06": 4, "draft-07": 8, "mixed": 16}
_NO_FAMILIES = 32
_FORMS: dict[str, int] = {"seconds": 0, "http-date": 1}
_FORMATS: dict[str, int] = {"json": 0, "json-reset-at": 1, "problem": 2, "html": 3, "text": 4}
_FORMAT_NAMES: tuple[BodyFormat, ...] = ("json", "json-reset-at", "problem", "html", "text")


class Quota(Owned):
    """A policy under the name that answers call it by: made once for each limiter."""

    __slots__ = ("_name", "_policy")
    _library_free = staticmethod(library.quota_free)

    def __init__(self, name: str, policy: str | Limiter) -> None:
        """Names a policy.

        Args:
            name: 1 to 64 printable ASCII characters, such as "per-minute". Clients see it.
            policy: a limiter, or a policy's text.

        Raises:
            ArgumentError: the name is none. PolicyError: nor is the text a policy.
        """
        made = ctypes.c_void_p()
        text = policy.policy if isinstance(policy, Limiter) else policy
        library.raise_for(library.quota_new(text_bytes("name", name), text_bytes("policy", text), byref(made)))
        self._own(made)
        self._name = name
        self._policy = text

    @property
    def name(self) -> str:
        """What answers call the policy."""
        return self._name

    @property
    def policy(self) -> str:
        """The policy's text."""
        return self._policy

    def __repr__(self) -> str:
        return f"Quota({self._name!r}, {self._policy!r})"


class Settings(Owned):
    """How answers look: chosen once, checked once, used for every answer."""

    __slots__ = ("_families",)
    _library_free = staticmethod(library.http_settings_free)

    def __init__(
        self,
        *,
        families: Iterable[Family] = DEFAULT_FAMILIES,
        retry_after: RetryAfterForm = "seconds",
        status: int = 429,
        code: str | None = None,
        message: str | None = None,
        problem_type: str | None = None,
        burst_parameter: str | None = None,
    ) -> None:
        """Checks what is chosen.

        Args:
            families: which header fields answers carry beside `Retry-After`. Two drafts only together with "mixed", and
                never "ietf" with "draft-07", whose `RateLimit` is another.
            retry_after: whether `Retry-After` tells seconds, which every client understands, or a date.
            status: of a denial for the client's own excess, 400 to 599. Clients understand 429.
            code: the member `code` of JSON bodies: 1 to 64 printable ASCII characters. Unless said,
                "rate_limit_exceeded".
            message: what denials tell people, one line of at most 1024 bytes in UTF-8. Unless said, a sentence that
                says what happened and when to try again.
            problem_type: the `type` of problem details, a URI. Unless said, the IETF draft's for an exceeded quota.
            burst_parameter: the name of a parameter that tells the policy's burst in `RateLimit-Policy`, such as
                "acme-burst". Unless said, there is none.

        Raises:
            ArgumentError: which is wrong, where, and what would be right.
        """
        self._families = _families(families)
        options = library.HttpOptions(
            struct_size=ctypes.sizeof(library.HttpOptions),
            families=_family_bits(self._families),
            retry_after=_number_of("retry_after", retry_after, _FORMS),
            status=_status(status),
            code=_optional_text("code", code),
            message=_optional_text("message", message),
            problem_type=_optional_text("problem_type", problem_type),
            burst_parameter=_optional_text("burst_parameter", burst_parameter),
        )
        made = ctypes.c_void_p()
        library.raise_for(library.http_settings_new(byref(options), byref(made)))
        self._own(made)

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of header fields that answers carry."""
        return self._families


class Verdict(NamedTuple):
    """One decision on a request, and the policy that it was made by."""

    quota: Quota
    """The policy, under its name."""
    decision: Decision
    """What the limiter has answered."""
    cost: int = 1
    """How many permits the request asked for: tells which of several policies binds most."""
    partition_key: Key | None = None
    """At most 96 bytes by which clients can tell one partition of the quota from another. They see it."""


class Body(NamedTuple):
    """A body and its type."""

    content_type: str
    """The value for `Content-Type`."""
    content: bytes
    """The body. An answer to a HEAD request says its length and leaves it out."""


class Answer:
    """What a request is answered: all verdicts on it taken together. True if the request is allowed.

    It is allowed if all verdicts allow it. On a denial, `Retry-After` is the longest wait of those that deny it, and
    absent if one of them is not cured by waiting. `X-RateLimit-*` and the bodies' numbers are one verdict's: that with
    the longest wait, or of an allowed request the one that binds most. `RateLimit` tells of all.
    """

    __slots__ = ("_answer", "_keys", "_outcome", "_settings", "_verdicts")

    def __init__(
        self,
        verdicts: Verdict | Iterable[Verdict],
        *,
        now_ns: int | None = None,
        settings: Settings | None = None,
    ) -> None:
        """Takes the verdicts on a request together.

        Args:
            verdicts: one, or several, always in the same order; none for a request that nobody limits.
            now_ns: when the decisions were made, in nanoseconds since the Unix epoch (see `Limiter.now_ns` and
                `Limiter.check_at`); the wall clock's time unless said.
            settings: how the answer looks.
        """
        if isinstance(verdicts, Verdict):
            verdicts = (verdicts,)
        if settings is not None and not isinstance(settings, Settings):
            raise TypeError(f"settings must be Settings, not {type(settings).__name__}")
        self._verdicts = tuple(verdicts)
        self._keys: list[ctypes.c_char_p] = []
        flat: list[int] = []
        for at, verdict in enumerate(self._verdicts):
            flat += _flat(at, verdict, self._keys)
        n = len(self._verdicts)
        # A `sluice_answer` and the verdicts that it points to, one behind the other.
        packed = ctypes.create_string_buffer(_ANSWER_BYTES + n * _VERDICT_BYTES)
        pack_into = _PACK_INTO[n] if n < len(_PACK_INTO) else _packer(n)
        pack_into(
            packed,
            0,
            _ANSWER_BYTES,
            0 if settings is None else settings._borrowed(),
            ctypes.addressof(packed) + _ANSWER_BYTES,
            n,
            whole_number("now_ns", time.time_ns() if now_ns is None else now_ns),
            *flat,
        )
        self._answer = packed
        self._settings = settings
        self._outcome = library.Outcome(_OUTCOME_BYTES)
        library.raise_for(library.answer_outcome(packed, self._outcome))

    @property
    def allowed(self) -> bool:
        """Whether the request is allowed."""
        return bool(self._outcome.allowed)

    @property
    def status(self) -> int:
        """200; 429 (or the settings' status) if the client has asked for too much; 503 if a limiter could not count."""
        return int(self._outcome.status)

    @property
    def reason_phrase(self) -> str:
        """The phrase that belongs to the status, such as "Too Many Requests"."""
        phrase: bytes = self._outcome.reason_phrase
        return phrase.decode()

    @property
    def retry_after(self) -> int | None:
        """On a denial that waiting cures: whole seconds, at least 1, after which the request is admitted."""
        return self._outcome.retry_after_s or None

    @property
    def speaking(self) -> Verdict | None:
        """The verdict whose numbers stand in `X-RateLimit-*` and in bodies."""
        return self._verdicts[self._outcome.speaking] if self._verdicts else None

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All header fields, as pairs of name and value: as WSGI has them.

        Put them in place of fields of the same name that a response has. On a denial `Cache-Control: no-store` is among
        them; drop what else the response says to caches.
        """
        return [(name.decode("ascii"), value.decode("ascii")) for name, value in self._pairs()]

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The same in bytes, with names in lower case: as ASGI has them."""
        return [(name.lower(), value) for name, value in self._pairs()]

    def _pairs(self) -> list[tuple[bytes, bytes]]:
        lines = library.written(library.answer_header_lines, self._answer).split(b"\r\n")
        # Behind the last line there is nothing.
        return [line.split(b": ", 1) for line in lines[:-1]]  # type: ignore[misc]

    def body(self, format: BodyFormat = "json") -> Body | None:  # noqa: A002 - the word for it
        """The body of a denial; None where the request is allowed, and the body is the application's."""
        number = _number_of("format", format, _FORMATS)
        if self.allowed:
            return None
        content_type: bytes = library.body_content_type(number)
        return Body(content_type.decode(), library.written(library.answer_body, self._answer, number))

    def __bool__(self) -> bool:
        return self.allowed

    def __repr__(self) -> str:
        return f"<sluicegate.http.Answer {self.status} {self.reason_phrase}>"


class _Room(threading.local):
    """What a thread renders header fields in."""

    def __init__(self) -> None:
        self.verdicts = (library.Verdict * _MOST_VERDICTS)()
        self.answer = library.Answer(ctypes.sizeof(library.Answer), None, self.verdicts, 0, 0)
        self.lines = (ctypes.c_char * _MOST_LINES)()
        self.written = memoryview(self.lines)
        self.length = ctypes.c_size_t()
        # All that the call is given, in the form in which it is cheapest to give.
        self.arguments = (byref(self.answer), byref(self.lines), _MOST_LINES, byref(self.length))


_MOST_VERDICTS = 8
_MOST_LINES = 512 + 768 * _MOST_VERDICTS
_room = _Room()


def header_lines(
    verdicts: Sequence[tuple[Quota, Decision, int]], now_ns: int, settings: Settings | None = None
) -> bytes:
    """`Answer.headers` as lines "Name: value\\r\\n": the quick way for who renders them for every request.

    Args:
        verdicts: the quota, the decision and the cost of each.
        now_ns, settings: as for `Answer`.

    >>> from sluicegate import Limiter
    >>> limiter = Limiter("fixed-window 100/1h")
    >>> now = 1_795_305_600_000_000_000
    >>> header_lines([(Quota("hourly", limiter), limiter.check_at("ann", 1, now), 1)], now, Settings(families=["ietf"]))
    b'RateLimit-Policy: "hourly";q=100;w=3600\\r\\nRateLimit: "hourly";r=99;t=3600\\r\\n'
    """
    if len(verdicts) > _MOST_VERDICTS:
        answer = Answer([Verdict(*verdict) for verdict in verdicts], now_ns=now_ns, settings=settings)
        return library.written(library.answer_header_lines, byref(answer._answer))
    room = _room
    for packed, (quota, decision, cost) in zip(room.verdicts, verdicts):
        packed.quota = quota._address
        packed.decision = ctypes.addressof(decision)
        packed.cost = cost
    answer_ = room.answer
    answer_.settings = None if settings is None else settings._address
    answer_.n = len(verdicts)
    answer_.now_unix_ns = now_ns
    library.raise_for(library.answer_header_lines_untyped(*room.arguments))
    return bytes(room.written[: room.length.value])


def body_format(accept: str | bytes | None, offered: Sequence[BodyFormat] = ()) -> BodyFormat:
    """The body that a request's `Accept` header asks for: HTML for browsers, JSON for programs.

    That of the highest quality is chosen; of equals the one that is named, not only covered by `text/*` or `*/*`; of
    equals still the one that is offered first, which is taken too where the header is missing or accepts nothing on
    offer. Nothing in the header is an error.

    Args:
        accept: the header's value; several lines joined with commas; None where the request has none.
        offered: what there is, what the server would rather send first. Unless said, JSON, problem details, HTML and
            text.

    >>> body_format("text/html,application/xhtml+xml,*/*;q=0.8"), body_format("*/*"), body_format(None)
    ('html', 'json', 'json')
    """
    value = key_bytes(accept) if accept is not None else b""
    numbers = (ctypes.c_uint32 * len(offered))(*(_number_of("offered", each, _FORMATS) for each in offered))
    chosen = ctypes.c_uint32()
    library.raise_for(
        library.body_from_accept(value, len(value), numbers if offered else None, len(offered), byref(chosen))
    )
    return _FORMAT_NAMES[chosen.value]


def expose_headers(families: Iterable[Family] = DEFAULT_FAMILIES) -> str:
    """The value for `Access-Control-Expose-Headers`, without which a script of another origin sees none of the fields.

    >>> expose_headers(["ietf"])
    'Retry-After, RateLimit-Policy, RateLimit'
    """
    return library.written(library.expose_headers, _family_bits(_families(families))).decode("ascii")


def _packer(n: int) -> Callable[..., None]:
    """What packs a `sluice_answer` and `n` verdicts."""
    return struct.Struct("@NPPNQ" + n * "PPQPN").pack_into


_ANSWER_BYTES: Final = ctypes.sizeof(library.Answer)
_VERDICT_BYTES: Final = ctypes.sizeof(library.Verdict)
_OUTCOME_BYTES: Final = ctypes.sizeof(library.Outcome)
_PACK_INTO: Final = tuple(map(_packer, range(9)))


def _flat(at: int, verdict: Any, keys: list[ctypes.c_char_p]) -> tuple[int, int, int, int, int]:
    """The fields of a verdict; what its key is kept alive by goes to `keys`."""
    try:
        quota, decision, cost, key = verdict
        address = ctypes.addressof(decision)
        borrowed = quota._borrowed()
        if not (type(quota) is Quota and type(decision) is Decision):
            raise TypeError
    except (AttributeError, TypeError, ValueError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise TypeError(f"verdicts[{at}] must be a Verdict of a Quota and a Decision, not {verdict!r}") from None
    if type(cost) is not int or not 0 <= cost < 2**64:
        whole_number(f"verdicts[{at}].cost", cost)
    if key is None:
        return borrowed, address, cost, 0, 0
    data = key_bytes(key)
    keys.append(ctypes.c_char_p(data))
    return borrowed, address, cost, ctypes.cast(keys[-1], ctypes.c_void_p).value or 0, len(data)


def _optional_text(name: str, text: object) -> bytes | None:
    return None if text is None else text_bytes(name, text)


def _number_of(name: str, word: object, numbers: dict[str, int]) -> int:
    if not isinstance(word, str) or word not in numbers:
        raise ArgumentError(f"{name} is {word!r}; it must be {', '.join(map(repr, numbers))}")
    return numbers[word]


def _families(families: Iterable[Family]) -> tuple[Family, ...]:
    if isinstance(families, str):
        raise TypeError(f"families takes several names, and this is one str; put {families!r} into a list")
    return tuple(families)


def _family_bits(families: tuple[Family, ...]) -> int:
    bits = 0
    for family in families:
        bits |= _number_of("families", family, _FAMILIES)
    return bits or _NO_FAMILIES


def _status(status: int) -> int:
    # 0 would stand for the default, and the library takes 32 bits.
    number = whole_number("status", status)
    if number == 0 or number > 999:
        raise ArgumentError(f"status is {number}; it takes 400 to 599, and 429 is what clients understand")
    return number
